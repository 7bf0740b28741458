"""One look at the crew: its services, its tasks, its processes; and whether all is well."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from benchmarks.chaos.stage import Stage
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.processes import ProcessId
from nightcrew.task import SETTLED, TaskStatus

_TASKS = """
select task_id, body->>'description' as description, status, detail, failure_reason, flow_run_id,
       pid, pid_started, crashes, restarts, attempts, attempts_begun, priority from tasks order by sequence"""
_STOPS = """
select stop_message, offline_reason from accounts
where stopped_at is not null or offline_since is not null"""


@dataclass(frozen=True, slots=True)
class Row:
    """A task as the store has it."""

    task_id: str
    description: str
    status: TaskStatus
    detail: str
    failure_reason: str | None
    flow_run_id: str | None
    pid: int | None
    pid_started: float | None
    crashes: int
    restarts: int
    attempts: int
    attempts_begun: int
    priority: str

    @property
    def process(self) -> ProcessId | None:
        """The living process that works on it."""
        known = ProcessId(self.pid, self.pid_started or 0.0) if self.pid else None
        return known if known and known.find() else None


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at a moment; `tasks` is None while the store does not answer."""

    at: float  # monotonic
    engine: bool
    server: bool
    alive: frozenset[str]
    tasks: Sequence[Row] | None
    stop: str  # why the crew stands still: empty if it does not

    @property
    def running(self) -> list[Row]:
        """The tasks that are worked on."""
        return [task for task in self.tasks or () if task.status is TaskStatus.RUNNING]

    @property
    def unfinished(self) -> list[Row]:
        """The tasks that will go on without a person."""
        return [task for task in self.tasks or () if task.status not in SETTLED]

    @property
    def trouble(self) -> str:
        """The first thing that is not as it should be; empty if all is well."""
        if not self.engine:
            return "no engine"
        if self.tasks is None:
            return "PostgreSQL does not answer"
        if missing := {"server", "worker", "guard"} - self.alive:
            return f"no {', '.join(sorted(missing))}"
        if not self.server:
            return "the server does not answer"
        if self.stop:
            return self.stop
        if dead := [task.task_id for task in self.running if task.process is None]:
            return f"{dead[0]} is running, and its process is dead"
        if self.unfinished and not self.running:
            return "tasks wait, and none runs"
        return ""

    @property
    def moment(self) -> tuple[object, ...]:
        """What changes when anything goes on."""
        return tuple((task.task_id, task.status, task.pid, task.attempts_begun) for task in self.tasks or ())


def look_at(stage: Stage) -> Look:
    """Look at the crew now; what does not answer in a few seconds counts as away."""
    services = stage.services
    try:
        tasks = [_row(row) for row in stage.query(_TASKS)]
        stops = stage.query(_STOPS)
    except (psycopg.Error, OSError):
        tasks, stops = None, []
    stop = next((str(row["stop_message"] or f"offline: {row['offline_reason']}") for row in stops), "")
    api = services.api()
    server = bool(services.api_url) and PrefectApi(api.url, timeout_seconds=4.0).healthy()
    engine = stage.engine is not None and stage.engine.poll() is None
    return Look(time.monotonic(), engine, server, frozenset(services.alive), tasks, stop)


# ---------------------------------------------------------------------------------------------------------


def _row(values: dict[str, object]) -> Row:
    return Row(**{**values, "status": TaskStatus(str(values["status"]))})  # type: ignore[arg-type]
