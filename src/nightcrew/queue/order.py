"""The order between tasks: some wait until others are completed."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from nightcrew.queue import outbox
from nightcrew.queue.task_table import QueuedTask, queued_task, task_order, tasks
from nightcrew.task import TaskStatus


def waits_for_another() -> ColumnElement[bool]:
    """True for a task that comes after one which is not completed."""
    before = tasks.alias()
    unmet = (before.c.task_id == task_order.c.after_id) & (before.c.status != TaskStatus.COMPLETED)
    return exists().where(task_order.c.task_id == tasks.c.task_id, unmet)


def put_after(connection: Connection, stored: QueuedTask, after: Sequence[str]) -> QueuedTask:
    """Let a new task wait for others; it is cancelled at once if one of them has ended without success."""
    rows = [{"task_id": stored.task_id, "after_id": before} for before in dict.fromkeys(after)]
    connection.execute(insert(task_order), rows)
    detail = f"comes after {', '.join(row['after_id'] for row in rows)}"
    own = tasks.c.task_id == stored.task_id
    connection.execute(update(tasks).where(own).values(detail=detail))
    for before in connection.execute(select(tasks).where(tasks.c.task_id.in_(after))):
        cancel_followers(connection, queued_task(before))
    return queued_task(connection.execute(select(tasks).where(own)).one(), is_new=True)


def cancel_followers(connection: Connection, ended: QueuedTask) -> list[QueuedTask]:
    """Cancel the tasks that wait for one which ended without success, and those that wait for them."""
    if ended.status not in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
        return []
    followers = select(task_order.c.task_id).where(task_order.c.after_id == ended.task_id)
    waiting = tasks.c.task_id.in_(followers), tasks.c.status == TaskStatus.PENDING
    detail = f"comes after {ended.task_id}, which is {ended.status}"
    values = {"status": TaskStatus.CANCELLED, "detail": detail, "ended_at": func.now()}
    rows = connection.execute(update(tasks).where(*waiting).values(**values).returning(tasks)).all()
    cancelled = [queued_task(row) for row in rows]
    for one in cancelled:
        outbox.enter_status(connection, one, before=TaskStatus.PENDING)
    return cancelled + [later for one in cancelled for later in cancel_followers(connection, one)]
