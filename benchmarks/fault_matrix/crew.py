"""The crew in which faults are caused: real services, the real agent, and a twin behind a line."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from benchmarks.fault_matrix.cases import Case, scenario, task_of
from benchmarks.line import Line
from nightcrew.cli.demo.parts import make_repository
from nightcrew.crew import dispatch
from nightcrew.crew.processes import free_port
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.crew.services import running_crew
from nightcrew.crew.status import ServiceStatus
from nightcrew.crew.storage.database import ensure_database, psycopg_arguments
from nightcrew.errors import NightcrewError
from nightcrew.openrouter.books.account import Stop
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings, load_settings
from nightcrew.task import TaskStatus
from nightcrew.testing.twin import Twin

WORKERS = 3
GIVE_UP_SECONDS = 900.0


@dataclass
class Stage:
    """A running crew, its twin, and the observations during faults."""

    settings: Settings
    status: ServiceStatus
    twin: Twin
    line: Line
    repo: Path
    run_states: dict[str, str] = field(default_factory=dict)  # while tasks waited
    stops: dict[str, Stop | None] = field(default_factory=dict)

    @property
    def store_arguments(self) -> dict[str, Any]:
        """Connection arguments for the state store, independent of the crew."""
        return psycopg_arguments(make_url(ensure_database(self.settings)))

    def submit(self, case: Case) -> QueuedTask:
        return dispatch.submit(self.settings, task_of(case, str(self.repo)))

    def get(self, queued: QueuedTask) -> QueuedTask:
        with dispatch.open_queue(self.settings) as queue:
            return queue.get(queued.task_id)

    def until(self, queued: QueuedTask, true: Callable[[QueuedTask], bool]) -> QueuedTask:
        """Wait until a condition holds for the task, tolerating a store or server that is down."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        now = queued
        while time.monotonic() < deadline:
            try:
                reconcile(self.settings)
                now = self.get(queued)
                if true(now):
                    return now
            except (NightcrewError, OperationalError):
                pass
            time.sleep(0.5)
        raise TimeoutError(f"{queued.task_id} is still {now.status}: {now.detail}")

    def ended(self, queued: QueuedTask) -> QueuedTask:
        """Wait until only a person can change the task."""
        return self.until(queued, lambda now: now.status.is_final or now.status is TaskStatus.NEEDS_REVIEW)

    def note_run_state(self, queued: QueuedTask) -> None:
        """Record the name of the state in which the task's run waits."""
        deadline = time.monotonic() + 30
        while True:
            run = self.status.api().get(f"/flow_runs/{queued.flow_run_id}")
            self.run_states[queued.task_id] = run["state"]["name"]
            if run["state_type"] == "SCHEDULED" or time.monotonic() > deadline:
                return
            time.sleep(0.2)


@contextmanager
def running_stage(cases: Sequence[Case]) -> Iterator[Stage]:
    """Run a separate crew, and remove everything of it afterwards."""
    for name in [name for name in os.environ if name.startswith(("NIGHTCREW_", "OPENROUTER_"))]:
        del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="nightcrew-faults-"))
    home.chmod(0o755)  # the embedded PostgreSQL runs as another user when started by root
    try:
        with Twin(scenario(cases)) as twin, Line(twin.port) as line:
            settings = load_settings(
                home=home / "crew",
                base_url=f"http://127.0.0.1:{line.port}/api/v1",
                api_key="twin",
                prefect_port=free_port(0),
                free_requests_per_minute=1000,
                free_requests_per_day=1000,
                attempt_seconds=600,
                attempt_iterations=15,
            )
            with running_crew(settings, workers=WORKERS) as status:
                yield Stage(settings, status, twin, line, make_repository(home / "stockroom"))
    finally:
        shutil.rmtree(home, ignore_errors=True)
