"""Connects the task queue with Prefect: starts and cancels flow runs, and corrects lost ones."""

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
from nightcrew.execution.checkout.admission import admit
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.task import FailureReason, Task, TaskStatus

log = logging.getLogger(__name__)

FLOW = "run-task"
POOL = "nightcrew"
WORKER_TYPE = "nightcrew-warm"
MOST_RESTARTS = 2
LONGEST_PENDING = timedelta(minutes=10)
WITH_A_RUN = (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.NEEDS_REVIEW)
PAGE = 200


@contextmanager
def open_queue(settings: Settings) -> Iterator[TaskQueue]:
    """The task queue; services need not be running."""
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        at_the_door = partial(admit, credentials=Credentials(settings.credentials_dir))
        yield TaskQueue(store, settings.max_unfinished_tasks, admit=at_the_door)


def submit(settings: Settings, task: Task) -> QueuedTask:
    """Store a task, and start it at once if the services are running.

    Raises:
        BadInput: the task is invalid, or the queue is full.
    """
    with open_queue(settings) as queue:
        queued = queue.submit(task)
        services = status(settings)
        if queued.status is TaskStatus.PENDING and services.running:
            queued = dispatch(queue, services.api(), queued)
        return queued


def dispatch(queue: TaskQueue, api: PrefectApi, queued: QueuedTask) -> QueuedTask:
    """Create the flow run of a pending task. Idempotent."""
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
    except BadInput:  # it is running already, or was cancelled
        return queue.get(task.task_id)


def run_name(task: Task) -> str:
    """The name of the task's flow run, such as `unit_test pricing.py t-0123`."""
    target = (task.target_file or "").rpartition("/")[2]
    return " ".join(filter(None, (task.task_type, target, task.task_id)))


def run_tags(task: Task) -> tuple[str, ...]:
    """The tags by which runs can be filtered."""
    return (task.task_type, task.priority, task.task_id)


def dispatch_pending(settings: Settings) -> int:
    """Start every pending task, most urgent first; returns their number."""
    services = status(settings)
    if not services.running:
        return 0
    with open_queue(settings) as queue:
        return _dispatch_waiting(queue, services.api())


def cancel(settings: Settings, task_id: str) -> QueuedTask:
    """Stop a task at once: kill its processes on this machine and cancel its flow run.

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
    """Correct tasks whose flow run ended without reporting it; returns the number of changed tasks.

    If a run crashed, or its worker took it and never started it, its task is queued again, up to two times. A
    cancelled or deleted run cancels its task; an expired question fails it.
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
                with suppress(BadInput):  # its status has changed since it was read
                    state = _ended_if_stuck(api, task, states.get(task.flow_run_id or ""))
                    changed += _settle(settings, queue, task, state)
        if changed:
            _dispatch_waiting(queue, api)
    return changed


def run_cancelled(settings: Settings, flow_run_id: str) -> None:
    """Cancel the task of a flow run that was cancelled in Prefect."""
    with open_queue(settings) as queue:
        for queued in queue.waiting(TaskStatus.QUEUED, TaskStatus.RUNNING):
            if queued.flow_run_id == flow_run_id:
                queue.update(queued.task_id, status=TaskStatus.CANCELLED, detail="cancelled in Prefect")


def requeue_stopped(settings: Settings) -> int:
    """After the worker was stopped, put its running tasks back into the queue, for the next worker.

    This includes tasks that were about to be suspended for a question; they will ask it again.
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
                    "the crew was stopped; the task will run again",
                )
            queue.update(
                queued.task_id,
                status=TaskStatus.PENDING,
                flow_run_id=None,
                detail="the crew was stopped; the task will run again",
            )
    return len(running)


def run_again(api: PrefectApi, queued: QueuedTask, *, state_name: str) -> bool:
    """Start a postponed run at once if its state has this name; True if it had."""
    run = api.get(f"/flow_runs/{queued.flow_run_id}") if queued.flow_run_id else None
    if run is None or (run["state"] or {}).get("name") != state_name:
        return False
    _set_state(api, run["id"], "SCHEDULED", "Scheduled", "the crew was resumed")
    return True


def this_process() -> ProcessId:
    """The ids that a run stores in the queue so that it can be cancelled."""
    return ProcessId.of(os.getpid())


# ---------------------------------------------------------------------------------------------------------


def _asking(queue: TaskQueue, api: PrefectApi) -> list[QueuedTask]:
    """Tasks that wait for a person according to the queue, while their run is not suspended yet."""
    asked = [queued for queued in queue.waiting(TaskStatus.NEEDS_REVIEW) if queued.flow_run_id]
    states = _states(api, [queued.flow_run_id or "" for queued in asked[:PAGE]]) if asked else {}
    return [task for task in asked if states.get(task.flow_run_id or "", {}).get("type") == "RUNNING"]


def _dispatch_waiting(queue: TaskQueue, api: PrefectApi) -> int:
    waiting = queue.waiting()
    for queued in waiting:
        dispatch(queue, api, queued)
    return len(waiting)


def _ended_if_stuck(
    api: PrefectApi, queued: QueuedTask, state: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The run's state; Crashed if a worker took it long ago and died before the run could start.

    Heartbeats do not detect that, because the run never sent one.
    """
    if state is None or state["type"] != "PENDING" or not queued.flow_run_id:
        return state
    since = datetime.fromisoformat(state["timestamp"])
    if datetime.now(UTC) - since < LONGEST_PENDING:
        return state
    message = f"taken by a worker at {since:%H:%M} UTC and never started"
    _set_state(api, queued.flow_run_id, "CRASHED", "Crashed", message)
    return {**state, "type": "CRASHED", "message": message}


def _states(api: PrefectApi, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = api.post("/flow_runs/filter", {"flow_runs": {"id": {"any_": list(run_ids)}}, "limit": PAGE}) or []
    return {run["id"]: run["state"] or {"type": run["state_type"]} for run in found}


def _settle(settings: Settings, queue: TaskQueue, queued: QueuedTask, state: dict[str, Any] | None) -> bool:
    """Update one task from its flow run's state; False if they agree."""
    kind = state["type"] if state else "DELETED"
    message = (state or {}).get("message") or ""
    if kind in {"SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"}:
        return False
    log.warning("task %s is %s, but its flow run is %s", queued.task_id, queued.status, kind)
    task_id = queued.task_id
    if kind in {"CANCELLED", "DELETED"}:
        detail = message or f"its flow run was {kind.lower()}"
        ended = queue.update(task_id, status=TaskStatus.CANCELLED, detail=detail)
    elif kind == "CRASHED" and queued.restarts < MOST_RESTARTS:
        detail = f"crashed, will run again: {message}"
        queue.update(task_id, status=TaskStatus.PENDING, flow_run_id=None, detail=detail)
        return True
    else:
        unanswered = kind == "FAILED" and queued.status is TaskStatus.NEEDS_REVIEW
        if unanswered:
            reason, detail = FailureReason.REJECTED, f"the question was not answered in time: {queued.detail}"
        else:
            reason = FailureReason.INFRASTRUCTURE
            detail = message or f"its flow run ended as {kind.lower()} without a verdict"
        ended = queue.update(task_id, status=TaskStatus.FAILED, failure_reason=reason, detail=detail)
    _tell_ledger(settings, ended)
    return True


def _tell_ledger(settings: Settings, ended: QueuedTask) -> None:
    """Record the end of a task whose flow run could not record it."""
    from nightcrew.ledger.metrics_collector import MetricsCollector  # most commands record nothing

    with MetricsCollector(settings.ledger_dir, f"{socket.gethostname()}-{os.getpid()}") as collector:
        collector.task_finished(ended.task_id, ended.status, ended.failure_reason, ended.detail)


def _set_state(api: PrefectApi, run_id: str, kind: str, name: str, message: str) -> None:
    state = {"type": kind, "name": name, "message": message}
    api.post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})
