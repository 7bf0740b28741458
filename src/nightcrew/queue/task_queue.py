"""The task queue: the submitted tasks, their status and their outcome.

It guarantees three things: no task is lost or duplicated, at most `bound` tasks are unfinished, and a status
changes only along the allowed transitions. Prefect's work queues decide which task runs next.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Unpack

from sqlalchemy import Connection, String, column, func, not_, select, text, update, values
from sqlalchemy.dialects.postgresql import insert

from nightcrew.errors import BadInput, QueueFull
from nightcrew.execution.attempt import Attempt, ModelCall
from nightcrew.execution.checkout.admission import admit
from nightcrew.queue import leases, outbox, usage
from nightcrew.queue.audit.tasks import enter_ends, enter_submission
from nightcrew.queue.order import cancel_followers, put_after, waits_for_another
from nightcrew.queue.outbox import FactKind
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import (
    UNFINISHED,
    QueuedTask,
    attempts,
    queued_task,
    rank,
    tasks,
)
from nightcrew.queue.transitions import Changes, values_of
from nightcrew.task import Task, TaskPriority, TaskStatus

log = logging.getLogger(__name__)

_SUBMIT_LOCK = 7_316_002
_OF_ITS_RUN = ("status", "flow_run_id", "pid")


@dataclass(frozen=True, slots=True)
class QueueStats:
    """The number of tasks of each priority and status."""

    counts: Mapping[TaskPriority, Mapping[TaskStatus, int]]
    unfinished: int
    bound: int


class TaskQueue:
    """The tasks in a crew's state store; `create_schema` must have created the tables."""

    def __init__(self, store: StateStore, bound: int, *, admit: Callable[[Task], str] = admit) -> None:
        self._state, self._engine = store, store.engine
        self.bound = bound
        self._admit = admit

    def submit(
        self, task: Task, *, status: TaskStatus = TaskStatus.PENDING, after: Sequence[str] = ()
    ) -> QueuedTask:
        """Store a task; if an unfinished task asks for the same work, that one is returned instead.

        It waits until the tasks `after` (ids) are completed; if one of them ends otherwise, it is cancelled.

        Raises:
            BadInput: the repository cannot be worked on, or the task id is taken by another task.
            QueueFull: `bound` tasks are unfinished; nothing was stored.
        """
        task = task.model_copy(update={"repo": _absolute(task.repo)})
        with self._engine.connect() as connection:
            if (known := _same_id(connection, task)) is not None:
                return known
        fingerprint = _fingerprint(task, commit := self._admit(task))
        with self._engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _SUBMIT_LOCK})
            known = _same_id(connection, task) or _same_work(connection, fingerprint)
            if known is not None:
                return known
            stored = self._store(connection, task, commit, fingerprint, status)
            stored = put_after(connection, stored, after) if after else stored
            enter_submission(connection, task, commit)
            enter_ends(connection, [stored])
            return stored

    def get(self, task_id: str) -> QueuedTask:
        """One task.

        Raises:
            BadInput: there is no such task.
        """
        with self._engine.connect() as connection:
            row = connection.execute(select(tasks).where(tasks.c.task_id == task_id)).one_or_none()
        if row is None:
            raise BadInput(f"there is no task {task_id}")
        return queued_task(row)

    def list(
        self,
        status: TaskStatus | None = None,
        limit: int = 100,
        *,
        batch: str | None = None,
        repo: str | None = None,
    ) -> Sequence[QueuedTask]:
        """The tasks, latest first; only those of `status`, `batch` and `repo` if given."""
        query = select(tasks).order_by(tasks.c.sequence.desc()).limit(limit)
        for name, value in (("batch", batch), ("repo", repo)):
            if value is not None:
                query = query.where(tasks.c.body[name].astext == value)
        return self._rows(query if status is None else query.where(tasks.c.status == status))

    def ended_since(self, since: datetime, limit: int) -> Sequence[QueuedTask]:
        """The tasks that ended since then, the latest first."""
        query = select(tasks).where(tasks.c.ended_at >= since).order_by(tasks.c.ended_at.desc())
        return self._rows(query.limit(limit))

    def waiting(self, *statuses: TaskStatus, limit: int = 10_000) -> Sequence[QueuedTask]:
        """Tasks of these statuses (by default, pending) in the order in which they will run.

        Tasks that wait for another one are left out.
        """
        wanted = statuses or (TaskStatus.PENDING,)
        chosen = select(tasks).where(tasks.c.status.in_(wanted), not_(waits_for_another()))
        query = chosen.order_by(tasks.c.rank, tasks.c.sequence)
        return self._rows(query.limit(limit))

    def ended(self, since: timedelta) -> Sequence[QueuedTask]:
        """The tasks that have ended since then, by the database's clock."""
        return self._rows(select(tasks).where(tasks.c.ended_at > func.now() - since))

    def of_runs(self, run_ids: Sequence[str]) -> Sequence[QueuedTask]:
        """The tasks with these flow runs."""
        return self._rows(select(tasks).where(tasks.c.flow_run_id.in_(run_ids)))

    def update(
        self, task_id: str, as_read: QueuedTask | None = None, **changes: Unpack[Changes]
    ) -> QueuedTask:
        """Change a task, or only if it still is `as_read`; its times are set along with its status.

        Raises:
            BadInput: there is no such task, it has changed, or it cannot get the new status.
        """
        with self._engine.begin() as connection:
            row = connection.execute(
                select(tasks).where(tasks.c.task_id == task_id).with_for_update()
            ).one_or_none()
            if row is None:
                raise BadInput(f"there is no task {task_id}")
            before = queued_task(row)
            if as_read and any(getattr(as_read, name) != getattr(before, name) for name in _OF_ITS_RUN):
                raise BadInput(f"task {task_id} has changed since it was read")
            status = changes.get("status")
            values = values_of(before, changes)
            statement = update(tasks).where(tasks.c.task_id == task_id).values(**values).returning(tasks)
            changed = queued_task(connection.execute(statement).one())
            if status is not None:
                outbox.enter_status(connection, changed, before=TaskStatus(row.status))
                also = cancel_followers(connection, changed)
                enter_ends(connection, [changed, *also] if changed.status != row.status else also)
            return changed

    def hand_over(self, runs: Mapping[str, str], deployment_id: str) -> int:
        """Note the flow runs (by task id) of tasks that are still pending; returns the number of tasks."""
        given = values(column("task_id", String), column("run_id", String), name="given").data(
            [*runs.items()]
        )
        statement = (
            update(tasks)
            .where(tasks.c.task_id == given.c.task_id, tasks.c.status == TaskStatus.PENDING)
            .values(status=TaskStatus.QUEUED, flow_run_id=given.c.run_id, deployment_id=deployment_id)
        )
        with self._engine.begin() as connection:
            return connection.execute(statement).rowcount

    def lost_leases(self) -> frozenset[str]:
        """The ids of running tasks whose process, on whichever host, no longer says that it works."""
        return leases.lost(self._state)

    def begin_attempt(self, task_id: str) -> int:
        """Count a new attempt and return its number, which is unique within the task."""
        number = tasks.c.attempts_begun + 1
        statement = update(tasks).where(tasks.c.task_id == task_id).values(attempts_begun=number)
        with self._engine.begin() as connection:
            return int(connection.execute(statement.returning(tasks.c.attempts_begun)).scalar_one())

    def record_attempt(
        self, attempt: Attempt, *, verdict: str | None = None, score: float | None = None, summary: str = ""
    ) -> bool:
        """Store an attempt's outcome and add its figures to the task; a repeated call changes nothing.

        Returns True the first time.
        """
        values = asdict(attempt)
        del values["patch"], values["text_was_read"]
        values |= {"executor": str(attempt.executor), "end": str(attempt.end)}
        values["models_served"] = list(attempt.models_served)
        values |= {"verdict": verdict, "score": score, "summary": summary}
        values["stop_cause"] = str(attempt.stop_cause) if attempt.stop_cause else None
        with self._engine.begin() as connection:
            statement = insert(attempts).values(**values).on_conflict_do_nothing()
            if connection.execute(statement.returning(attempts.c.number)).one_or_none() is None:
                return False
            usage.add_attempt(connection, attempt, verdict=verdict, score=score)
            return True

    def add_calls(self, task_id: str, calls: Sequence[ModelCall]) -> None:
        """Add calls to a task that belong to none of its attempts' work."""
        with self._engine.begin() as connection:
            usage.add_calls(connection, task_id, calls)

    def attempts(self, task_id: str) -> Sequence[Mapping[str, Any]]:
        """The attempts at a task in order, as rows."""
        query = select(attempts).where(attempts.c.task_id == task_id).order_by(attempts.c.number)
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def stats(self) -> QueueStats:
        """How many tasks of each priority and status there are."""
        query = select(tasks.c.priority, tasks.c.status, func.count()).group_by(
            tasks.c.priority, tasks.c.status
        )
        counts = {priority: dict.fromkeys(TaskStatus, 0) for priority in TaskPriority}
        with self._engine.connect() as connection:
            for priority, status, number in connection.execute(query):
                counts[TaskPriority(priority)][TaskStatus(status)] = number
        unfinished = sum(of_one[status] for of_one in counts.values() for status in UNFINISHED)
        return QueueStats(counts=counts, unfinished=unfinished, bound=self.bound)

    def _rows(self, query: Any) -> Sequence[QueuedTask]:
        with self._engine.connect() as connection:
            return [queued_task(row) for row in connection.execute(query)]

    def _store(
        self, connection: Connection, task: Task, commit: str, fingerprint: str, status: TaskStatus
    ) -> QueuedTask:
        count = select(func.count()).select_from(tasks).where(tasks.c.status.in_(UNFINISHED))
        if (unfinished := connection.execute(count).scalar_one()) >= self.bound:
            raise QueueFull(
                f"the queue is full: {unfinished} tasks are unfinished and the bound is {self.bound}; "
                "nothing was stored, try again when some have ended"
            )
        statement = insert(tasks).values(
            task_id=task.task_id,
            body=task.model_dump(mode="json"),
            commit=commit,
            fingerprint=fingerprint,
            priority=task.priority,
            rank=rank(task.priority),
            status=status,
        )
        stored = queued_task(connection.execute(statement.returning(tasks)).one(), is_new=True)
        outbox.enter(connection, task.task_id, FactKind.SUBMITTED, {"task": task.model_dump(mode="json")})
        log.info("task %s is in the queue: %s, %s", task.task_id, task.priority, task.task_type)
        return stored


# ---------------------------------------------------------------------------------------------------------


def _same_id(connection: Connection, task: Task) -> QueuedTask | None:
    """The stored task with this id; apart from its commit it must ask for the same as `task`."""
    row = connection.execute(select(tasks).where(tasks.c.task_id == task.task_id)).one_or_none()
    known = None if row is None else queued_task(row)
    if known is not None and known.task != task:
        raise BadInput(f"the task id {task.task_id} is taken by another task; leave it out to get a new one")
    return known


def _same_work(connection: Connection, fingerprint: str) -> QueuedTask | None:
    """The unfinished task that asks for the same work, or None."""
    query = select(tasks).where(tasks.c.fingerprint == fingerprint, tasks.c.status.in_(UNFINISHED))
    row = connection.execute(query).one_or_none()
    return None if row is None else queued_task(row)


def _fingerprint(task: Task, commit: str) -> str:
    """A hash that is equal for two tasks that ask for the same work on the same commit."""
    asked = [task.repo, commit, task.task_type, task.target_file, task.description]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _absolute(repo: str) -> str:
    """`repo` with a local path made absolute, so that every process understands it; URLs are unchanged."""
    path = Path(repo).expanduser()
    return str(path.resolve()) if path.exists() else repo
