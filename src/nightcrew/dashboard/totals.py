"""Sums over the tasks of the state store: of one repository or batch, and of each batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select

from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import UNFINISHED, tasks
from nightcrew.task import TaskStatus

MOST_BATCHES = 20
_BATCH = tasks.c.body["batch"].astext
_UNDER_WAY = [status for status in UNFINISHED if status is not TaskStatus.NEEDS_REVIEW]
_DONE, _PERSON, _FAILED = TaskStatus.COMPLETED, TaskStatus.NEEDS_REVIEW, TaskStatus.FAILED


@dataclass(frozen=True, slots=True)
class Totals:
    """What came of some tasks, and what they cost."""

    counts: Mapping[TaskStatus, int]
    calls: int
    cost_usd: Decimal

    @property
    def tasks(self) -> int:
        """Their number."""
        return sum(self.counts.values())

    @property
    def completed(self) -> int:
        """How many of them are completed."""
        return self.counts.get(_DONE, 0)

    @property
    def cost_per_completed_usd(self) -> Decimal | None:
        """What one completed task cost, all others included; None: there is none."""
        return self.cost_usd / self.completed if self.completed else None


def read_totals(store: StateStore, *, repo: str = "", batch: str = "") -> Totals:
    """The sums over the tasks of a repository or a batch; over all tasks if neither is given."""
    query = select(tasks.c.status, func.count(), func.sum(tasks.c.calls), func.sum(tasks.c.cost_usd))
    if repo:
        query = query.where(tasks.c.body["repo"].astext == repo)
    if batch:
        query = query.where(batch == _BATCH)
    with store.engine.connect() as connection:
        rows = connection.execute(query.group_by(tasks.c.status)).all()
    return Totals(
        counts={TaskStatus(status): number for status, number, _, _ in rows},
        calls=sum(calls for _, _, calls, _ in rows),
        cost_usd=sum((cost for _, _, _, cost in rows), Decimal(0)),
    )


def read_batches(store: StateStore) -> Sequence[Mapping[str, Any]]:
    """The batches with the latest submissions: tasks by their end, calls and cost."""
    query = (
        select(
            _BATCH.label("batch"),
            func.count().label("tasks"),
            _number(tasks.c.status.in_(_UNDER_WAY)).label("under_way"),
            _number(tasks.c.status == _DONE).label("completed"),
            _number(tasks.c.status == _PERSON).label("for_a_person"),
            _number(tasks.c.status == _FAILED).label("failed"),
            func.sum(tasks.c.calls).label("calls"),
            func.sum(tasks.c.cost_usd).label("cost_usd"),
        )
        .where(_BATCH.isnot(None))
        .group_by(_BATCH)
        .order_by(func.max(tasks.c.sequence).desc())
        .limit(MOST_BATCHES)
    )
    with store.engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


BATCH_HEADINGS = {
    "batch": "Batch",
    "tasks": "Tasks",
    "under_way": "Under way",
    "completed": "Completed",
    "for_a_person": "For a person",
    "failed": "Failed",
    "calls": "Calls",
    "cost_usd": "Cost",
}
"""The columns of `read_batches` with their headings."""


# ---------------------------------------------------------------------------------------------------------


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(condition)
