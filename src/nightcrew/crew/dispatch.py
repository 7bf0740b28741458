"""Between the task queue and Prefect: hands tasks over, cancels them, and notices what got lost."""

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from nightcrew.crew.database import ensure_database
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.processes import ProcessId, kill_tree
from nightcrew.crew.status import status
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.workspace import resolve_commit
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.task import FailureReason, Task, TaskStatus

log = logging.getLogger(__name__)

FLOW = "run-task"
POOL = "nightcrew"
MOST_RESTARTS = 2
LONGEST_PENDING = timedelta(minutes=10)
WITH_A_RUN = (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.NEEDS_REVIEW)
PAGE = 200


@contextmanager
def open_queue(settings: Settings) -> Iterator[TaskQueue]:
    """The task queue, whether or not services run."""
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        resolve = partial(resolve_commit, credentials=Credentials(settings.credentials_dir))
        yield TaskQueue(store, settings.max_unfinished_tasks, resolve=resolve)


def submit(settings: Settings, task: Task) -> QueuedTask:
    """Store a task, and hand it to the worker at once where the services run.

    Raises:
        BadInput: the task cannot be done as asked, or the queue is full.
    """
    with open_queue(settings) as queue:
        queued = queue.submit(task)
        services = status(settings)
        if queued.status is TaskStatus.PENDING and services.running:
            queued = dispatch(queue, services.api(), queued)
        return queued


def dispatch(queue: TaskQueue, api: PrefectApi, queued: QueuedTask) -> QueuedTask:
    """Make the flow run of a pending task; doing it twice makes no second one."""
    task = queued.task
    deployment = api.get(f"/deployments/name/{FLOW}/{task.priority}")
    if deployment is None:
        raise Transient(
            f"the deployment {FLOW}/{task.priority} is missing; start the engine once to create it"
        )
    run = api.post(
        f"/deployments/{deployment['id']}/create_flow_run",
        {
            "name": run_name(task),
            "parameters": {"task": task.model_dump(mode="json")},
            "idempotency_key": f"{task.task_id}.{queued.restarts}",
            "tags": list(run_tags(task)),
            "state": {"type": "SCHEDULED"},
        },
    )
    try:
        return queue.update(task.task_id, status=TaskStatus.QUEUED, flow_run_id=run["id"])
    except BadInput:  # it already runs, or was cancelled meanwhile
        return queue.get(task.task_id)


def run_name(task: Task) -> str:
    """What a person reads in the list of runs: `unit_test pricing.py t-0123`."""
    target = (task.target_file or "").rpartition("/")[2]
    return " ".join(filter(None, (task.task_type, target, task.task_id)))


def run_tags(task: Task) -> tuple[str, ...]:
    """What runs can be filtered by."""
    return (task.task_type, task.priority, task.task_id)


def dispatch_pending(settings: Settings) -> int:
    """Hand every waiting task to the worker, most urgent first; how many there were."""
    services = status(settings)
    if not services.running:
        return 0
    with open_queue(settings) as queue:
        return _dispatch_waiting(queue, services.api())


def cancel(settings: Settings, task_id: str) -> QueuedTask:
    """Stop a task now: its processes on this machine are killed, its flow run becomes Cancelled.

    Raises:
        BadInput: there is no such task, or it has ended.
    """
    with open_queue(settings) as queue:
        before = queue.get(task_id)
        if before.status.is_final:
            raise BadInput(f"task {task_id} has ended: it is {before.status}")
        cancelled = queue.update(task_id, status=TaskStatus.CANCELLED, detail="cancelled by request")
        _tell_ledger(settings, cancelled)
        services = status(settings)
        here = before.host == socket.gethostname() and before.pid is not None
        if services.running and before.flow_run_id:
            kind = "CANCELLED" if here or before.status is not TaskStatus.RUNNING else "CANCELLING"
            _set_state(services.api(), before.flow_run_id, kind, "Cancelled", "cancelled by request")
        if here and before.pid is not None:
            killed = kill_tree(ProcessId(before.pid, before.pid_started or 0.0))
            log.info("task %s: killed %s processes", task_id, killed)
        return cancelled


def reconcile(settings: Settings) -> int:
    """Give every task its true status whose flow run ended without telling us; how many were changed.

    A crashed run sends its task back to the queue and to the worker again, up to two times; so does one that
    its worker took and never started. A cancelled or deleted one cancels it; one whose question nobody
    answered in time fails it.
    """
    services = status(settings)
    if not services.running:
        return 0
    api, changed = services.api(), 0
    with open_queue(settings) as queue:
        known = [task for task in queue.waiting(*WITH_A_RUN) if task.flow_run_id]
        for start in range(0, len(known), PAGE):
            page = known[start : start + PAGE]
            states = _states(api, [task.flow_run_id for task in page if task.flow_run_id])
            for task in page:
                with suppress(BadInput):  # it has gone on since we looked
                    state = _ended_if_stuck(api, task, states.get(task.flow_run_id or ""))
                    changed += _settle(settings, queue, task, state)
        if changed:
            _dispatch_waiting(queue, api)
    return changed


def run_cancelled(settings: Settings, flow_run_id: str) -> None:
    """A flow run was cancelled in Prefect's own way: so is its task."""
    with open_queue(settings) as queue:
        for queued in queue.waiting(TaskStatus.QUEUED, TaskStatus.RUNNING):
            if queued.flow_run_id == flow_run_id:
                queue.update(queued.task_id, status=TaskStatus.CANCELLED, detail="cancelled in Prefect")


def requeue_stopped(settings: Settings) -> int:
    """After the worker was stopped: running tasks go back to the queue, to be run again by the next one.

    So does one that was just about to be suspended for its question: it asks again.
    """
    services = status(settings)
    api = services.api()
    with open_queue(settings) as queue:
        running = [*queue.waiting(TaskStatus.RUNNING), *_asking(queue, api)]
        for queued in running:
            if queued.flow_run_id:
                _set_state(
                    api,
                    queued.flow_run_id,
                    "CRASHED",
                    "Stopped",
                    "stopped with the crew; the task runs again",
                )
            queue.update(
                queued.task_id,
                status=TaskStatus.PENDING,
                flow_run_id=None,
                detail="stopped with the crew; runs again",
            )
    return len(running)


def run_again(api: PrefectApi, queued: QueuedTask, *, state_name: str) -> bool:
    """Let a task's run go on at once that was put off in a state of this name; True if it was."""
    run = api.get(f"/flow_runs/{queued.flow_run_id}") if queued.flow_run_id else None
    if run is None or (run["state"] or {}).get("name") != state_name:
        return False
    _set_state(api, run["id"], "SCHEDULED", "Scheduled", "the crew goes on")
    return True


def this_process() -> ProcessId:
    """What a run writes into the queue so that it can be cancelled."""
    return ProcessId.of(os.getpid())


# ---------------------------------------------------------------------------------------------------------


def _asking(queue: TaskQueue, api: PrefectApi) -> list[QueuedTask]:
    """Tasks that wait for a person by our books while their run was not yet suspended."""
    asked = [queued for queued in queue.waiting(TaskStatus.NEEDS_REVIEW) if queued.flow_run_id]
    states = _states(api, [queued.flow_run_id or "" for queued in asked[:PAGE]]) if asked else {}
    return [one for one in asked if states.get(one.flow_run_id or "", {}).get("type") == "RUNNING"]


def _dispatch_waiting(queue: TaskQueue, api: PrefectApi) -> int:
    waiting = queue.waiting()
    for queued in waiting:
        dispatch(queue, api, queued)
    return len(waiting)


def _ended_if_stuck(
    api: PrefectApi, queued: QueuedTask, state: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The run's state; crashed where a worker took it long ago and died before the run could begin.

    No heartbeat tells of that: the run never sent one.
    """
    if state is None or state["type"] != "PENDING" or not queued.flow_run_id:
        return state
    since = datetime.fromisoformat(state["timestamp"])
    if datetime.now(UTC) - since < LONGEST_PENDING:
        return state
    said = f"taken by a worker at {since:%H:%M} UTC and never started"
    _set_state(api, queued.flow_run_id, "CRASHED", "Crashed", said)
    return {**state, "type": "CRASHED", "message": said}


def _states(api: PrefectApi, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = api.post("/flow_runs/filter", {"flow_runs": {"id": {"any_": list(run_ids)}}, "limit": PAGE}) or []
    return {run["id"]: run["state"] or {"type": run["state_type"]} for run in found}


def _settle(settings: Settings, queue: TaskQueue, queued: QueuedTask, state: dict[str, Any] | None) -> bool:
    """Bring one task in line with its flow run's state; False where nothing was amiss."""
    kind = state["type"] if state else "DELETED"
    said = (state or {}).get("message") or ""
    if kind in {"SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"}:
        return False
    log.warning("task %s is %s, but its flow run is %s", queued.task_id, queued.status, kind)
    task_id = queued.task_id
    if kind in {"CANCELLED", "DELETED"}:
        detail = said or f"its flow run was {kind.lower()}"
        ended = queue.update(task_id, status=TaskStatus.CANCELLED, detail=detail)
    elif kind == "CRASHED" and queued.restarts < MOST_RESTARTS:
        detail = f"crashed, runs again: {said}"
        queue.update(task_id, status=TaskStatus.PENDING, flow_run_id=None, detail=detail)
        return True
    else:
        unanswered = kind == "FAILED" and queued.status is TaskStatus.NEEDS_REVIEW
        if unanswered:
            reason, detail = FailureReason.REJECTED, f"nobody answered in time: {queued.detail}"
        else:
            reason = FailureReason.INFRASTRUCTURE
            detail = said or f"its flow run ended as {kind.lower()} without a verdict"
        ended = queue.update(task_id, status=TaskStatus.FAILED, failure_reason=reason, detail=detail)
    _tell_ledger(settings, ended)
    return True


def _tell_ledger(settings: Settings, ended: QueuedTask) -> None:
    """The end of a task that its own flow run could not record."""
    with MetricsCollector(settings.ledger_dir, f"{socket.gethostname()}-{os.getpid()}") as collector:
        collector.task_finished(ended.task_id, ended.status, ended.failure_reason, ended.detail)


def _set_state(api: PrefectApi, run_id: str, kind: str, name: str, message: str) -> None:
    state = {"type": kind, "name": name, "message": message}
    api.post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})
