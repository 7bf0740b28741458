"""The demo's repository and twin, and the check that each task ended as expected."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nightcrew import host
from nightcrew.cli.output import console
from nightcrew.crew.environment import project_root
from nightcrew.crew.processes import ProcessId, end_tree, free_port, spawn
from nightcrew.crew.status import status
from nightcrew.delivery.local_repository import references
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.git import git
from nightcrew.ledger.ledger import Ledger
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import DeliveryKind, Settings, give_key, load_settings
from nightcrew.task import SETTLED
from nightcrew.testing.demo_tasks import DemoTask
from nightcrew.testing.scenario import shipped_path

TWIN_PORT = 8765
WORKERS = 3
RATE_LIMITED = "SELECT DISTINCT asked_model FROM model_calls WHERE task_id = ? AND http_status = 429"
DOTENV = ".env"
AUTHOR = ("-c", "user.name=Stockroom", "-c", "user.email=stockroom@example.invalid")


def make_repository(into: Path) -> Path:
    """A fresh git repository of the example project, with a secret of its own in a tracked `.env`.

    Raises:
        BadInput: the example project is missing.
    """
    example = project_root() / "examples" / "stockroom"
    if not example.is_dir():
        raise BadInput(f"the example project is not at {example}: install the wheel of nightcrew again")
    shutil.copytree(example, into, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    (into / DOTENV).write_text(f"LABEL_PRINTER={secrets.token_hex(16)}\n")
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        (*AUTHOR, "commit", "--quiet", "--message=Stockroom as it is"),
    ):
        git("-C", into, *command)
    return into


def secret_of(repository: Path) -> str:
    """The secret that `make_repository` made up; the crew must write it nowhere."""
    return (repository / DOTENV).read_text().strip().partition("=")[2]


@contextmanager
def serve_twin(home: Path, scenario: str = "demo") -> Iterator[tuple[str, ProcessId]]:
    """Run the twin with a shipped scenario in its own process and yield its URL.

    It is ended here unless a crew has adopted it.
    """
    port = free_port(TWIN_PORT)
    log = home / "logs" / "twin.log"
    script = ("--scenario", str(shipped_path(f"{scenario}.json")))
    command = host.python("nightcrew.cli", "twin", "--port", str(port), *script)
    twin = spawn(command, env=host.environment(), folder=home, log=log)
    known = ProcessId.of(twin.pid)
    try:
        deadline = time.monotonic() + 60
        while "http://" not in log.read_text():
            if twin.poll() is not None or time.monotonic() > deadline:
                raise Transient(f"the twin did not start: {log.read_text()[-500:]}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/api/v1", known
    finally:
        if "twin" not in status(load_settings(home=home)).processes:
            end_tree([known], grace_seconds=3)


def print_progress(text: str) -> None:
    """A line about what is going on."""
    console.print(f"· {text}", style="dim")


@contextmanager
def demo_home(keep: bool) -> Iterator[Path]:
    """A temporary home for the demo, deleted afterwards unless `keep`."""
    home = Path(tempfile.mkdtemp(prefix="nightcrew-demo-"))
    try:
        yield home
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def demo_settings(home: Path, twin_url: str) -> Settings:
    """Settings of a crew that talks to the twin; a real key in the environment is never used."""
    for name in [name for name in os.environ if name.startswith("NIGHTCREW_")]:
        del os.environ[name]
    os.environ |= {
        "NIGHTCREW_HOME": str(home),
        "NIGHTCREW_WORKERS": str(WORKERS),
        "NIGHTCREW_FREE_REQUESTS_PER_DAY": "1000",
    }
    give_key(None)
    return load_settings(base_url=twin_url, api_key=f"demo-key-{secrets.token_hex(16)}")


def settled(tasks: Mapping[str, QueuedTask]) -> bool:
    """True once no task will change any more unless a person acts."""
    return all(task.status in SETTLED for task in tasks.values())


def misses(
    demo_task: DemoTask, ended: QueuedTask, attempts: Sequence[Mapping[str, Any]], ledger: Ledger
) -> list[str]:
    """One sentence for each expectation that was not met."""
    expect, found = demo_task.expect, []
    if ended.status is not expect.status or ended.failure_reason is not expect.failure_reason:
        wanted = ": ".join(filter(None, (expect.status, expect.failure_reason)))
        was = ": ".join(filter(None, (ended.status, ended.failure_reason)))
        found.append(f"should be {wanted}, is {was} ({ended.detail})")
    if ended.task.deliver is DeliveryKind.BRANCH and branch_of(ended) is None:
        found.append(f"should be delivered as a branch: {ended.detail}")
    if expect.attempts is not None and len(attempts) != expect.attempts:
        found.append(f"should take {expect.attempts} attempts, took {len(attempts)}")
    if len(attempts) < expect.least_attempts:
        found.append(f"should take at least {expect.least_attempts} attempts, took {len(attempts)}")
    accepted = [
        served for attempt in attempts if attempt["verdict"] == "accepted" for served in _served(attempt)
    ]
    if expect.accepted_model and expect.accepted_model not in accepted:
        found.append(f"{expect.accepted_model} should be accepted, not {accepted or 'no model'}")
    rejected = {
        served for attempt in attempts if attempt["verdict"] == "rejected" for served in _served(attempt)
    }
    if missing := set(expect.rejected_models) - rejected:
        found.append(f"{', '.join(sorted(missing))} should have been rejected")
    limited = {row["asked_model"] for row in ledger.query(RATE_LIMITED, [ended.task_id])}
    if missing := set(expect.rate_limited_models) - limited:
        found.append(f"{', '.join(sorted(missing))} should have been answered 429")
    return found


def branch_of(queued: QueuedTask) -> str | None:
    """The branch that a task's change was delivered as, as git has it in the repository."""
    name = queued.delivery.branch if queued.delivery else None
    known = references(Path(queued.task.repo)) if name else {}
    return name if f"refs/heads/{name}" in known else None


def _served(attempt: Mapping[str, Any]) -> Sequence[str]:
    return attempt["models_served"] or [attempt["model"]]
