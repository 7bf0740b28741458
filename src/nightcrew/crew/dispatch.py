"""Connects the task queue with Prefect: starts and cancels flow runs."""

import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import batched, groupby
from pathlib import Path

from sqlalchemy.exc import OperationalError

from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.processes import ProcessId, kill_tree
from nightcrew.crew.status import status
from nightcrew.crew.storage.database import ensure_database
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.admission import Admission, admit
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.form import form_values
from nightcrew.queue import outbox
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.task import Task, TaskStatus

log = logging.getLogger(__name__)

FLOW = "run-task"
POOL = "nightcrew"
WORKER_TYPE = "nightcrew-warm"
MOST_IN_A_REQUEST = 100  # flow runs; a loaded server creates so many in time
MOST_AT_ONCE = 500  # flow runs that one call hands over, so that a long queue does not hold up its caller


class DeploymentMissing(Transient):
    """Somebody deleted a deployment of ours; tasks wait until it is there again."""


@contextmanager
def open_queue(settings: Settings, *, is_for_batch: bool = False) -> Iterator[TaskQueue]:
    """The task queue; services need not be running. What changed is in the ledger at the end.

    `is_for_batch` looks into each repository once and not for every task that is submitted.
    """
    with _opened(settings, is_for_batch=is_for_batch) as (queue, store):
        yield queue
        with suppress(OperationalError):  # the facts wait for the next process
            if not outbox.is_empty(store):
                from nightcrew.ledger.delivery import deliver_from  # most commands record nothing

                deliver_from(store, settings.ledger_dir)


def submit(settings: Settings, task: Task) -> QueuedTask:
    """Store a task, and start it at once if the services are running.

    Raises:
        BadInput: the task is invalid, or the queue is full.
    """
    with _opened(settings) as (queue, _):
        # The facts stay in the outbox for a worker or the engine: loading the ledger takes longer than this.
        queued = queue.submit(task)
        services = status(settings)
        if queued.status is TaskStatus.PENDING and services.running:
            try:
                dispatched = dispatch(queue, services.api(), queued)
                _announce(settings)
                return replace(dispatched, is_new=queued.is_new)
            except Transient as error:  # it is stored, and the engine starts it as soon as it can
                log.warning("task %s waits: %s", queued.task_id, error)
        return queued


def dispatch(queue: TaskQueue, api: PrefectApi, queued: QueuedTask) -> QueuedTask:
    """Create the flow run of a pending task. Idempotent.

    Raises:
        Transient: its deployment is missing or Prefect cannot be reached; the task stays pending.
    """
    deployment_id = deployment_of(api, queued.task)
    run_id = _create_runs(api, [queued], deployment_id)[queued.task_id]
    try:
        return queue.update(
            queued.task_id, status=TaskStatus.QUEUED, flow_run_id=run_id, deployment_id=deployment_id
        )
    except BadInput:  # it is running already, or was cancelled
        return queue.get(queued.task_id)


def announcement(settings: Settings) -> Path:
    """The file whose time says when a task was last handed over on this host; its worker looks at it."""
    return settings.home.expanduser().resolve() / "handed-over"


def deployment_of(api: PrefectApi, task: Task) -> str:
    """The id of the task's deployment.

    Raises:
        DeploymentMissing: there is none; a running engine creates it again.
    """
    name = f"{FLOW}/{task.priority}"
    if (deployment := api.get(f"/deployments/name/{name}")) is None:
        raise _missing(task)
    return str(deployment["id"])


def run_name(task: Task) -> str:
    """The name of the task's flow run, such as `unit_test pricing.py t-0123`."""
    target = (task.target_file or "").rpartition("/")[2]
    return " ".join(filter(None, (task.task_type, target, task.task_id)))


def run_tags(task: Task) -> tuple[str, ...]:
    """The tags by which runs can be filtered."""
    return (task.task_type, task.priority, task.task_id)


def dispatch_pending(settings: Settings, *, most: int = MOST_AT_ONCE) -> int:
    """Start the most urgent pending tasks; returns their number."""
    services = status(settings)
    if not services.running:
        return 0
    with open_queue(settings) as queue:
        if started := dispatch_waiting(queue, services.api(), most=most):
            _announce(settings)
        return started


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
        services = status(settings)
        here = before.host == socket.gethostname() and before.pid is not None
        if services.running and before.flow_run_id:
            kind = "CANCELLED" if here or before.status is not TaskStatus.RUNNING else "CANCELLING"
            try:
                set_state(services.api(), before.flow_run_id, kind, "Cancelled", "cancelled by request")
            except Transient as error:  # a run that starts later finds its task cancelled, and ends
                log.warning("task %s is cancelled, but its flow run is not: %s", task_id, error)
        if here and before.pid is not None:
            killed = kill_tree(ProcessId(before.pid, before.pid_started or 0.0))
            log.info("task %s: killed %s processes", task_id, killed)
        return cancelled


def dispatch_waiting(queue: TaskQueue, api: PrefectApi, *, most: int = MOST_AT_ONCE) -> int:
    """Create the flow runs of pending tasks, the most urgent first, at most so many; their number.

    Tasks whose deployment is missing wait until the engine has created it again, and say so.
    """
    started = 0
    for _, group in groupby(queue.waiting(limit=most), lambda queued: queued.task.priority):
        for some in batched(group, MOST_IN_A_REQUEST):
            try:
                started += _dispatch_all(queue, api, some)
            except DeploymentMissing as error:
                for queued in some:
                    queue.update(queued.task_id, detail=str(error))
    return started


def run_again(api: PrefectApi, queued: QueuedTask, *, state_name: str) -> bool:
    """Start a postponed run at once if its state has this name; True if it had."""
    run = api.get(f"/flow_runs/{queued.flow_run_id}") if queued.flow_run_id else None
    if run is None or (run["state"] or {}).get("name") != state_name:
        return False
    set_state(api, run["id"], "SCHEDULED", "Scheduled", "the crew was resumed")
    return True


def set_state(api: PrefectApi, run_id: str, kind: str, name: str, message: str) -> None:
    """Set a flow run's state, whatever it was."""
    state = {"type": kind, "name": name, "message": message}
    api.post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})


# ---------------------------------------------------------------------------------------------------------


def _announce(settings: Settings) -> None:
    with suppress(OSError):  # the worker finds it by itself, some seconds later
        announcement(settings).touch(mode=0o600)


@contextmanager
def _opened(settings: Settings, *, is_for_batch: bool = False) -> Iterator[tuple[TaskQueue, StateStore]]:
    credentials = Credentials(settings.credentials_dir)
    admission = Admission(credentials).admit if is_for_batch else partial(admit, credentials=credentials)
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        yield TaskQueue(store, settings.max_unfinished_tasks, admit=admission), store


def _dispatch_all(queue: TaskQueue, api: PrefectApi, some: Sequence[QueuedTask]) -> int:
    """Create the runs of tasks of one priority in one request; their number."""
    deployment_id = deployment_of(api, some[0].task)
    runs = _create_runs(api, some, deployment_id)
    queue.hand_over(runs, deployment_id)
    return len(runs)


def _create_runs(api: PrefectApi, some: Sequence[QueuedTask], deployment_id: str) -> Mapping[str, str]:
    """The flow run of each task, by task id; all are of this deployment. The route is our own server's."""
    where = f"/deployments/{deployment_id}/create_flow_run/scheduled"
    if (run_ids := api.post(where, [_run_of(one) for one in some])) is None:
        raise _missing(some[0].task)
    return dict(zip([one.task_id for one in some], run_ids, strict=True))


def _run_of(queued: QueuedTask) -> dict[str, object]:
    """The flow run to create; created again under the same key, it is the same run."""
    task = queued.task
    return {
        "name": run_name(task),
        "parameters": {"task": form_values(task)},
        "idempotency_key": f"{task.task_id}.{queued.restarts}",
        "tags": list(run_tags(task)),
    }


def _missing(task: Task) -> DeploymentMissing:
    return DeploymentMissing(
        f"the deployment {FLOW}/{task.priority} was deleted; the engine creates it again"
    )
