"""Compares tasks, their flow runs and living processes, and corrects what does not fit.

A task that is being worked on names its process in the store (host, pid, start). On this host, the process
itself says whether the work goes on, on others its lease does; Prefect's state may be late or lost.
"""

import logging
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from nightcrew.crew.dispatch import FLOW, POOL, dispatch_waiting, open_queue, set_state
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.processes import ProcessId, kill_tree
from nightcrew.crew.runs.flow_runs import (
    LONGEST_AHEAD,
    NO_DEPLOYMENT,
    SILENT,
    WAITING,
    Life,
    Run,
    life_of,
    open_runs,
    run_of,
)
from nightcrew.crew.status import status
from nightcrew.errors import BadInput
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.task import FailureReason, TaskPriority, TaskStatus

log = logging.getLogger(__name__)

MOST_CRASHES = 2  # in a row, without an attempt that could be recorded
LONGEST_PENDING = timedelta(minutes=4)
LONGEST_CANCELLING = timedelta(minutes=1)
EXCEPTION = "Flow run encountered an exception"  # Prefect's words
STOPPED = "the crew was stopped; the task will run again"
WITH_A_RUN = (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.NEEDS_REVIEW)


class Correction(Enum):
    """What has to be done about a task."""

    NONE = auto()
    RUN_NOW = auto()  # its run waits for a time of a clock that was set back since
    RUN_AGAIN = auto()  # its run was lost, not by a crash of its own
    CRASHED = auto()  # run it again, but not for ever
    CANCEL = auto()
    FAIL = auto()


def correction(task: TaskStatus, run: Run, *, deployed: bool) -> Correction:
    """What to do about a task of this status; `deployed` is False if its deployment was deleted."""
    match run.state:
        case "DELETED":
            # Prefect deletes the waiting runs together with their deployment, which no person decided on.
            return Correction.CANCEL if deployed else Correction.RUN_AGAIN
        case "CANCELLED":
            by_prefect = run.message.endswith(NO_DEPLOYMENT)
            return Correction.RUN_AGAIN if by_prefect else Correction.CANCEL
        case "CANCELLING":
            late = abs(run.age) > LONGEST_CANCELLING or run.life is Life.DEAD
            return Correction.CANCEL if late else Correction.NONE
        case "PENDING" | "RUNNING":
            return Correction.CRASHED if _is_lost(task, run) else Correction.NONE
        # A run without its work queue waits for ever: no worker polls for it.
        case "SCHEDULED":
            if not run.in_queue:
                return Correction.RUN_AGAIN
            return Correction.RUN_NOW if run.age < -LONGEST_AHEAD else Correction.NONE
        case "PAUSED":
            return Correction.NONE
    return _after_its_end(task, run)


def reconcile(settings: Settings) -> int:
    """Correct every task whose flow run or process was lost; returns the number of changed tasks.

    A lost one is queued again, a crashed one up to two times. A cancelled or deleted run cancels its task and
    ends its process; an expired question fails it.
    """
    services = status(settings)
    if not services.running:
        return 0
    with open_queue(settings) as queue:
        changed = _Reconciliation(queue, services.api()).correct_all() + _free_unattended(queue)
        if changed:
            dispatch_waiting(queue, services.api())
    return changed


def requeue_stopped(settings: Settings) -> int:
    """After this crew's worker was stopped, or all of the crew has ended, queue the tasks again that it was
    working on; their number. It is no crash of theirs.

    Tasks whose process lives, or is on another host, belong to another crew.
    """
    api = status(settings).api()
    with open_queue(settings) as queue:
        found = _Reconciliation(queue, api)
        # Only a dead process proves that nobody works on it; Prefect may still call it running.
        lost = [task for task, run in found.runs() if run.life is Life.DEAD and run.state in _AT_WORK]
        for task in lost:
            with suppress(BadInput):  # it ended just before
                found.run_again(task, "Stopped", STOPPED, crashes=task.crashes)
    return len(lost)


def run_cancelled(settings: Settings, flow_run_id: str) -> None:
    """Cancel the task of a flow run that was cancelled in Prefect."""
    with open_queue(settings) as queue:
        for queued in queue.waiting(TaskStatus.QUEUED, TaskStatus.RUNNING):
            if queued.flow_run_id == flow_run_id:
                queue.update(queued.task_id, status=TaskStatus.CANCELLED, detail="cancelled in Prefect")


# ---------------------------------------------------------------------------------------------------------

_AT_WORK = frozenset({"PENDING", "RUNNING", "CANCELLING", "CRASHED"})


class _Reconciliation:
    """The tasks with a flow run, and their correction."""

    def __init__(self, queue: TaskQueue, api: PrefectApi) -> None:
        self._queue, self._api = queue, api
        self._lost = queue.lost_leases()
        self._deployments: dict[TaskPriority, str | None] = {}

    def runs(self) -> Sequence[tuple[QueuedTask, Run]]:
        """Every unfinished task that has a flow run, with it."""
        known = [task for task in self._queue.waiting(*WITH_A_RUN) if task.flow_run_id]
        found = open_runs(self._api, POOL, [str(task.flow_run_id) for task in known])
        return [(task, self._run_of(task, found)) for task in known]

    def correct_all(self) -> int:
        """Correct what is wrong; returns the number of changed tasks."""
        changed = 0
        for task, run in self.runs():
            deployed = run.state != "DELETED" or self._is_deployed(task)
            wanted = correction(task.status, run, deployed=deployed)
            if wanted is not Correction.NONE:
                with suppress(BadInput):  # it has changed since it was read
                    self._correct(task, run, wanted)
                    changed += 1
        return changed

    def run_again(self, task: QueuedTask, name: str, message: str, *, crashes: int) -> None:
        """Queue a task again, in a new flow run."""
        # The store first: if this process dies here, the next look finds a pending task and starts it.
        self._queue.update(
            task.task_id,
            as_read=task,
            status=TaskStatus.PENDING,
            flow_run_id=None,
            detail=message,
            crashes=crashes,
        )
        set_state(self._api, str(task.flow_run_id), "CRASHED", name, message)

    def _correct(self, task: QueuedTask, run: Run, wanted: Correction) -> None:
        log.warning("task %s is %s, but its flow run is %s: %s", task.task_id, task.status, run.state, wanted)
        match wanted:
            case Correction.RUN_NOW:
                set_state(
                    self._api, str(task.flow_run_id), "SCHEDULED", "Scheduled", "the clock was set back"
                )
            case Correction.RUN_AGAIN:
                self.run_again(task, "Lost", f"{_loss(run)}; it will run again", crashes=task.crashes)
            case Correction.CRASHED if self._is_host_lost(task):
                self.run_again(
                    task, "Lost", f"its host {task.host} was lost; it will run again", crashes=task.crashes
                )
            case Correction.CRASHED if task.crashes < MOST_CRASHES:
                self.run_again(
                    task, "Crashed", f"crashed, will run again: {_why(run)}", crashes=task.crashes + 1
                )
            case Correction.CANCEL:
                self._cancel(task, run)
            case _:
                self._fail(task, run)

    def _cancel(self, task: QueuedTask, run: Run) -> None:
        detail = run.message or f"its flow run was {run.state.lower()}"
        # The status comes before the signal, so that the dying process does not report a failure.
        self._queue.update(task.task_id, as_read=task, status=TaskStatus.CANCELLED, detail=detail)
        if life_of(task) is Life.ALIVE:
            kill_tree(ProcessId(task.pid or 0, task.pid_started or 0.0))
        if run.state == "CANCELLING":
            set_state(self._api, str(task.flow_run_id), "CANCELLED", "Cancelled", "its process has ended")

    def _fail(self, task: QueuedTask, run: Run) -> None:
        if run.state == "FAILED" and task.status is TaskStatus.NEEDS_REVIEW:
            reason, detail = FailureReason.REJECTED, f"the question was not answered in time: {task.detail}"
        else:
            reason, detail = FailureReason.INFRASTRUCTURE, _why(run)
        self._queue.update(
            task.task_id, as_read=task, status=TaskStatus.FAILED, failure_reason=reason, detail=detail
        )

    def _run_of(self, task: QueuedTask, found: Mapping[str, Mapping[str, Any] | None]) -> Run:
        run_id = str(task.flow_run_id)
        if run_id in found and found[run_id] is None:
            return WAITING
        return run_of(task, found.get(run_id), self._life_of(task))

    def _life_of(self, task: QueuedTask) -> Life:
        """Of a process on another host, its lease tells."""
        if not _is_elsewhere(task):
            return life_of(task)
        return Life.DEAD if task.task_id in self._lost else Life.ALIVE

    def _is_host_lost(self, task: QueuedTask) -> bool:
        """True for a lost lease: a host that lives puts the task of a dead process back at once."""
        return _is_elsewhere(task) and task.task_id in self._lost

    def _is_deployed(self, task: QueuedTask) -> bool:
        """False if the deployment was deleted that made the task's run, also if it was made again since.

        With it, Prefect deletes the runs that wait; one that has begun was deleted by a person.
        """
        priority = task.task.priority
        if priority not in self._deployments:
            found = self._api.get(f"/deployments/name/{FLOW}/{priority}")
            self._deployments[priority] = str(found["id"]) if found else None
        now = self._deployments[priority]
        waits = task.status is TaskStatus.QUEUED and task.deployment_id is not None
        return now == task.deployment_id if waits else now is not None


def _after_its_end(task: TaskStatus, run: Run) -> Correction:
    """What to do about a task that is not done, though Prefect says that its run has ended."""
    if run.life is Life.ALIVE and task is TaskStatus.RUNNING:
        return Correction.NONE  # the process will record how it ends; a second one beside it would be worse
    if run.state == "CRASHED" and run.message == SILENT and task is not TaskStatus.RUNNING:
        # Nobody worked on it. After a fault of its database, Prefect holds back the events of a run that has
        # postponed itself, and takes it for silent.
        return Correction.RUN_AGAIN
    # The flow records how its task ends before it ends: an exception of its own is no end of the task.
    crashed = run.state == "CRASHED" or (run.state == "FAILED" and run.message.startswith(EXCEPTION))
    return Correction.CRASHED if crashed else Correction.FAIL


def _is_lost(task: TaskStatus, run: Run) -> bool:
    """True if the process of a pending or running run has died, or will never be known."""
    late = run.age > LONGEST_PENDING and run.life is not Life.ALIVE
    if run.state == "PENDING":
        return late
    # One that never named itself in the store died before it could, together with its worker.
    return run.life is Life.DEAD or (late and task is TaskStatus.QUEUED)


def _free_unattended(queue: TaskQueue) -> int:
    """Tasks of a killed `nightcrew do`: they wait for the same command, and no longer count as running."""
    lost = [
        task
        for task in queue.waiting(TaskStatus.RUNNING)
        if task.flow_run_id is None and life_of(task) is Life.DEAD
    ]
    for task in lost:
        detail = "the process that did it has ended; the same command continues it"
        with suppress(BadInput):
            queue.update(task.task_id, status=TaskStatus.QUEUED, detail=detail)
    return len(lost)


def _loss(run: Run) -> str:
    if run.state == "CRASHED":
        return "Prefect took its run for crashed while it waited"
    return "its deployment or queue was deleted"


def _why(run: Run) -> str:
    if run.life is Life.DEAD and run.state == "RUNNING":
        return "its process has ended without reporting it"
    if run.state == "PENDING":
        return "taken by a worker and never started"
    return run.message or f"its flow run ended as {run.state.lower()} without a verdict"


def _is_elsewhere(task: QueuedTask) -> bool:
    """True for a task that a process on another host works on."""
    return task.status is TaskStatus.RUNNING and task.pid is not None and task.host != socket.gethostname()
