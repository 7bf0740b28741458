"""Prepares a Prefect server for the crew, and remembers for which deployments that was done.

The record is a comment on Prefect's database, so it disappears together with the database, and a new database
is never considered prepared.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql
from sqlalchemy import make_url

from nightcrew import host
from nightcrew.crew.dispatch import POOL
from nightcrew.crew.patience import IDLE_SECONDS, Patience
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.processes import ProcessId, kill_tree, last_words, spawn
from nightcrew.crew.storage.database import psycopg_arguments
from nightcrew.errors import Transient
from nightcrew.task import TaskPriority

CRASH_RULE = "nightcrew: a run that stopped sending heartbeats has crashed"
"""The name of the automation that every crew needs."""
SOURCES = ("prefect.yaml", "flows/*.py", "blocks/*.py", "deployments/*.py")


@dataclass(frozen=True, slots=True)
class Missing:
    """What Prefect lacks. `deployments` are to be made again: all of them if a queue is missing."""

    parts: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __str__(self) -> str:
        return ", ".join(self.parts)


def missing(api: PrefectApi, project: Path) -> Missing:
    """The parts of the crew that somebody deleted in Prefect.

    Raises:
        Transient: Prefect cannot be reached.
    """
    wanted = tuple(
        one["name"] for one in yaml.safe_load((project / "prefect.yaml").read_text())["deployments"]
    )
    if api.get(f"/work_pools/{POOL}") is None:
        return Missing((f"work pool {POOL}",), wanted)
    queues = _names(api.post(f"/work_pools/{POOL}/queues/filter", {}))
    found = api.post("/deployments/filter", {}) or []
    # One that lost its queue has none any more, also after the queue is there again.
    deployments = _names([one for one in found if one["work_queue_id"]])
    rules = _names(api.post("/automations/filter", {}))
    gone = tuple(f"work queue {name}" for name in TaskPriority if name not in queues)
    lost = tuple(name for name in wanted if name not in deployments)
    parts = (*gone, *(f"deployment {name}" for name in lost))
    if CRASH_RULE not in rules:
        parts += ("the automation for crashed runs",)
    return Missing(parts, wanted if gone else lost)


def paused(api: PrefectApi) -> Sequence[str]:
    """What an operator has paused in Prefect: the work pool, queues, schedules of deployments.

    Raises:
        Transient: Prefect cannot be reached.
    """
    pool = api.get(f"/work_pools/{POOL}") or {}
    queues = api.post(f"/work_pools/{POOL}/queues/filter", {}) or []
    deployments = api.post("/deployments/filter", {}) or []
    idle = [one for one in deployments if any(not each["active"] for each in one["schedules"])]
    return [
        *([f"work pool {POOL}"] if pool.get("is_paused") else []),
        *(f"work queue {one['name']}" for one in queues if one["is_paused"]),
        *(f"the schedule of deployment {one['name']}" for one in idle),
    ]


def run(
    project: Path,
    env: Mapping[str, str],
    *,
    log: Path,
    deployments: Sequence[str] | None = None,
    idle_seconds: float = IDLE_SECONDS,
    is_ending: Callable[[], bool] = lambda: False,
) -> None:
    """Create the work pool, its queues, limits and automations and `deployments` of `project`; None: all.

    Raises:
        Transient: it failed or made no progress; the message says what to do. Its processes have ended.
            What was created is kept, and the next start continues from there. Also once `is_ending()`.
    """
    names = () if deployments is None else ("--only", *deployments)
    process = spawn(host.python("deployments.bootstrap", *names), env=env, folder=project, log=log)
    known = ProcessId.of(process.pid)
    patience = Patience(process, log, idle_seconds=idle_seconds)
    try:
        while (code := process.poll()) is None:
            if patience.is_over:
                raise Transient(
                    f"creating work pool, queues and deployments made no progress for {idle_seconds:.0f} s: "
                    f"start again, what was created is kept; if it happens again, see {log}"
                )
            if is_ending():
                raise Transient("work pool, queues and deployments are left as they are: the crew is stopped")
            time.sleep(0.05)
    finally:
        kill_tree(known)
    if code:
        raise Transient(f"creating work pool, queues and deployments failed, see {log}: {last_words(log)}")


def is_stale(prefect_url: str, project: Path) -> bool:
    """True if the database was not bootstrapped with the current deployments of `project`."""
    with _connect(prefect_url) as connection:
        query = (
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
        )
        row = connection.execute(query).fetchone()
    return row is None or row[0] != fingerprint(project)


def renew(prefect_url: str, project: Path) -> None:
    """Record that the database has the current deployments of `project`."""
    name = sql.Identifier(make_url(prefect_url).database or "")
    with _connect(prefect_url) as connection:
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, fingerprint(project)))


def fingerprint(project: Path) -> str:
    """A hash of everything that deployments are created from."""
    digest = hashlib.sha256(f"{project} {version('prefect')} {version('nightcrew')}".encode())
    library = Path(__file__).resolve().parents[1]
    files = [path for pattern in SOURCES for path in sorted(project.glob(pattern))]
    for path in (*files, library / "task.py", library / "settings.py"):
        digest.update(path.read_bytes())
    return f"nightcrew {digest.hexdigest()[:32]}"


def _connect(prefect_url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(**psycopg_arguments(make_url(prefect_url)), autocommit=True)


def _names(found: Any) -> set[str]:
    return {one["name"] for one in found or ()}
