"""The status of a task: its allowed transitions, and what else changes with it."""

from collections.abc import Mapping
from typing import Any, TypedDict

from sqlalchemy import func

from nightcrew.errors import BadInput
from nightcrew.queue.round import detail_of_unchanged
from nightcrew.queue.task_table import QueuedTask, tasks
from nightcrew.task import FailureReason, TaskStatus

_ENDS = {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED}
TRANSITIONS: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.PENDING: frozenset(
        {TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.FAILED, TaskStatus.CANCELLED}
    ),
    TaskStatus.QUEUED: frozenset(
        {TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.FAILED, TaskStatus.CANCELLED}
    ),
    TaskStatus.RUNNING: frozenset({TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.NEEDS_REVIEW} | _ENDS),
    TaskStatus.NEEDS_REVIEW: frozenset({TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.RUNNING} | _ENDS),
    TaskStatus.COMPLETED: frozenset(),
    TaskStatus.FAILED: frozenset(),
    TaskStatus.CANCELLED: frozenset(),
}
"""The allowed transitions; a task that crashed or was stopped goes from running back to pending."""


class Changes(TypedDict, total=False):
    """The fields that `update` can change."""

    status: TaskStatus
    failure_reason: FailureReason | None
    detail: str
    flow_run_id: str | None
    deployment_id: str | None
    host: str | None
    pid: int | None
    pid_started: float | None
    verdict: str | None
    change_path: str | None
    crashes: int


def values_of(queued: QueuedTask, changes: Changes) -> dict[str, Any]:
    """The values to store: the changes, with the times that go along with a status.

    A round of a task that fails or is cancelled leaves it completed, with the change that it had before.

    Raises:
        BadInput: the transition to the new status is not allowed.
    """
    values: dict[str, Any] = dict(changes)
    status = changes.get("status")
    if status is None:
        return values
    if status is TaskStatus.RUNNING and queued.status is not status:
        values.setdefault("detail", "")  # why it waited is over
    if queued.is_in_round and status in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
        assert queued.round is not None
        status = TaskStatus.COMPLETED
        detail = detail_of_unchanged(queued.round, str(changes.get("detail") or changes["status"]))
        values |= {"status": status, "failure_reason": None, "detail": detail}
    return values | _times(queued.task_id, queued.status, status)


# ---------------------------------------------------------------------------------------------------------


def _times(task_id: str, old: TaskStatus, new: TaskStatus) -> dict[str, Any]:
    if new == old:
        return {}
    if new not in TRANSITIONS[old]:
        raise BadInput(f"task {task_id} is {old}; it cannot become {new}")
    if new is TaskStatus.RUNNING:
        return {"started_at": func.coalesce(tasks.c.started_at, func.now()), "beat": func.now()}
    if new is TaskStatus.PENDING:
        return {"restarts": tasks.c.restarts + 1, "pid": None}
    return {"ended_at": func.now(), "pid": None} if new.is_final else {"pid": None}
