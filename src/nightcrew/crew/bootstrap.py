"""Prepares a Prefect server for the crew, and remembers for which deployments that was done.

The record is a comment on Prefect's database, so it disappears together with the database, and a new database
is never considered prepared.
"""

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from nightcrew import host
from nightcrew.crew.database import psycopg_arguments
from nightcrew.crew.processes import ProcessId, kill_tree, last_words, spawn
from nightcrew.errors import Transient

SOURCES = ("prefect.yaml", "flows/*.py", "blocks/*.py", "deployments/*.py")


def run(project: Path, env: Mapping[str, str], *, log: Path, seconds: float) -> None:
    """Create the work pool, its queues, limits and automations and the deployments of `project`.

    Raises:
        Transient: it failed or took longer than `seconds`; the message says what to do. Its processes have
            ended. What was created is kept, and the next start continues from there.
    """
    process = spawn(host.python("deployments.bootstrap"), env=env, folder=project, log=log)
    known = ProcessId.of(process.pid)
    try:
        code = process.wait(seconds)
    except host.TimeoutExpired:
        raise Transient(
            f"creating work pool, queues and deployments took longer than {seconds:.0f} s: start again when "
            f"the machine is less busy, what was created is kept; if it happens again, see {log}"
        ) from None
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
