"""What people made of our pull requests, and the next round of a task, in the state store."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import IntegrityError

from nightcrew.queue import outbox
from nightcrew.queue.audit.tasks import enter_round
from nightcrew.queue.outbox import FactKind
from nightcrew.queue.round import Round, to_json
from nightcrew.queue.state_store import StateStore, metadata
from nightcrew.queue.task_table import QueuedTask, queued_task, tasks
from nightcrew.task import TaskStatus

MOST_FOLLOWED = 200


class PullStatus(StrEnum):
    """How a pull request of ours stands."""

    OPEN = "open"
    TAKEN_OVER = "taken_over"  # a person has pushed to its branch, and our part has ended
    MERGED = "merged"
    CLOSED = "closed"  # without being merged
    REVERTED = "reverted"  # after it was merged


pulls = Table(
    "pulls",
    metadata,
    Column("task_id", String, ForeignKey("tasks.task_id", ondelete="CASCADE"), primary_key=True),
    Column("status", Text, nullable=False),
    Column("rounds", Integer, nullable=False, server_default="0"),
    Column("answered", JSONB, nullable=False, server_default="[]"),
    Column("merge_commit", Text),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)


@dataclass(frozen=True, slots=True)
class Followed:
    """A pull request of ours; `answered` names the reviews and checks that a round was about."""

    task_id: str
    status: PullStatus = PullStatus.OPEN
    rounds: int = 0
    answered: tuple[str, ...] = ()
    merge_commit: str | None = None
    changed_at: datetime | None = None


class Pulls:
    """The pull requests in a crew's state store; `create_schema` must have created the tables."""

    def __init__(self, store: StateStore) -> None:
        self._engine = store.engine

    def to_follow(self, repo: str, merged_since: datetime) -> Sequence[tuple[QueuedTask, Followed]]:
        """The pull requests for tasks of a repository that can still change, the oldest first."""
        known = pulls.c.status.is_(None) | pulls.c.status.in_([PullStatus.OPEN, PullStatus.TAKEN_OVER])
        merged = (pulls.c.status == PullStatus.MERGED) & (pulls.c.changed_at >= merged_since)
        query = (
            select(tasks.c.task_id)
            .outerjoin(pulls, pulls.c.task_id == tasks.c.task_id)
            .where(tasks.c.body["repo"].astext == repo)
            .where(tasks.c.delivery["pull_request"].astext.isnot(None))
            .where(known | merged)
            .order_by(tasks.c.sequence)
            .limit(MOST_FOLLOWED)
        )
        with self._engine.connect() as connection:
            found = connection.execute(query).scalars().all()
        return [(self._task(task_id), self.get(task_id)) for task_id in found]

    def open_numbers(self, repo: str) -> frozenset[int]:
        """The numbers of our pull requests in a repository that nobody has decided on."""
        number = tasks.c.delivery["pull_request"].astext
        undecided = pulls.c.status.is_(None) | (pulls.c.status == PullStatus.OPEN)
        query = select(number).outerjoin(pulls, pulls.c.task_id == tasks.c.task_id)
        query = query.where(tasks.c.body["repo"].astext == repo, number.isnot(None), undecided)
        with self._engine.connect() as connection:
            return frozenset(map(int, connection.execute(query).scalars()))

    def decided_since(self, since: datetime) -> Sequence[tuple[QueuedTask, PullStatus]]:
        """The pull requests that people merged, closed or reverted since then, with their tasks."""
        query = select(pulls).where(pulls.c.changed_at >= since).order_by(pulls.c.changed_at)
        query = query.where(pulls.c.status.not_in([PullStatus.OPEN, PullStatus.TAKEN_OVER]))
        with self._engine.connect() as connection:
            found = [_followed(row) for row in connection.execute(query.limit(MOST_FOLLOWED))]
        return [(self._task(one.task_id), one.status) for one in found]

    def get(self, task_id: str) -> Followed:
        """How the pull request of a task stands."""
        with self._engine.connect() as connection:
            row = connection.execute(select(pulls).where(pulls.c.task_id == task_id)).one_or_none()
        return Followed(task_id) if row is None else _followed(row)

    def record(self, queued: QueuedTask, status: PullStatus, merge_commit: str | None = None) -> Followed:
        """Store what has become of a pull request; the ledger gets it."""
        number = queued.delivery.pull_request if queued.delivery else None
        rounds = self.get(queued.task_id).rounds
        values = {"status": status, "merge_commit": merge_commit}
        added = insert(pulls).values(task_id=queued.task_id, **values)
        changed = added.on_conflict_do_update(
            index_elements=["task_id"], set_={**values, "changed_at": func.now()}
        )
        with self._engine.begin() as connection:
            row = connection.execute(changed.returning(pulls)).one()
            fact = {"status": str(status), "pull_request": number, "rounds": rounds}
            outbox.enter(connection, queued.task_id, FactKind.FOLLOWED, fact)
        return _followed(row)

    def begin_round(self, queued: QueuedTask, feedback: str, reasons: Sequence[str]) -> QueuedTask | None:
        """Put a completed task back to work; None if it is no longer completed.

        It ends as completed in any case: with the new change, or with the one that it has.
        """
        before = self.get(queued.task_id)
        own = (tasks.c.task_id == queued.task_id) & (tasks.c.status == TaskStatus.COMPLETED)
        answered = [*before.answered, *reasons]
        values = {"status": PullStatus.OPEN, "rounds": before.rounds + 1, "answered": answered}
        with suppress(IntegrityError), self._engine.begin() as connection:  # another task asks for the same
            begun = select(tasks.c.attempts_begun).where(own).with_for_update()
            since = connection.execute(begun).scalar_one_or_none()
            if since is None:
                return None
            one = Round(before.rounds + 1, since, feedback)
            changed = {
                "status": TaskStatus.PENDING,
                "round": to_json(one),
                "restarts": tasks.c.restarts + 1,
                "ended_at": None,
                "pid": None,
                "detail": f"round {one.number}: a review or a check of its pull request is answered",
            }
            row = connection.execute(update(tasks).where(own).values(**changed).returning(tasks)).one()
            added = insert(pulls).values(task_id=queued.task_id, **values)
            connection.execute(added.on_conflict_do_update(index_elements=["task_id"], set_=values))
            enter_round(connection, queued.task_id, one.number, reasons)
            return queued_task(row)
        return None

    def _task(self, task_id: str) -> QueuedTask:
        with self._engine.connect() as connection:
            return queued_task(connection.execute(select(tasks).where(tasks.c.task_id == task_id)).one())


# ---------------------------------------------------------------------------------------------------------


def _followed(row: Row[Any]) -> Followed:
    values = dict(row._mapping)
    return Followed(**{**values, "status": PullStatus(row.status), "answered": tuple(row.answered)})
