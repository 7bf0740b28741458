"""The outbox: facts about tasks, from the transaction that makes them true until they are in the ledger.

So a fact is neither lost with the process that caused it nor recorded for a change that did not happen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    Table,
    Text,
    delete,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from nightcrew.queue.state_store import StateStore, metadata
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import SETTLED, TaskStatus

MOST_AT_ONCE = 500


class FactKind(StrEnum):
    """What happened to the task."""

    SUBMITTED = "submitted"
    STARTED = "started"
    FINISHED = "finished"  # or it waits for a person
    DELIVERED = "delivered"  # or it could not be
    FOLLOWED = "followed"  # what people made of its pull request


outbox = Table(
    "outbox",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("task_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("content", JSONB, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to a task; `content` has the fields of that kind."""

    task_id: str
    kind: FactKind
    at: datetime
    content: Mapping[str, Any]


def enter(connection: Connection, task_id: str, kind: FactKind, content: Mapping[str, Any]) -> None:
    """Store a fact in the transaction of `connection`."""
    connection.execute(insert(outbox).values(task_id=task_id, kind=kind, content=dict(content)))


def enter_status(connection: Connection, changed: QueuedTask, *, before: TaskStatus) -> None:
    """Store what the ledger has to know of a change of status."""
    if changed.status is TaskStatus.RUNNING:
        content = {"base_commit": changed.commit, "flow_run_id": changed.flow_run_id}
        enter(connection, changed.task_id, FactKind.STARTED, content)
    elif changed.status in SETTLED and changed.status is not before:
        names = ("status", "failure_reason", "detail", "change_path")
        content = {name: getattr(changed, name) for name in names}
        enter(connection, changed.task_id, FactKind.FINISHED, content)


def is_empty(store: StateStore) -> bool:
    """True if no fact waits."""
    with store.engine.connect() as connection:
        return connection.execute(select(outbox.c.number).limit(1)).one_or_none() is None


def take(connection: Connection) -> Sequence[Fact]:
    """Remove the oldest facts, in order; they come back if the transaction of `connection` fails.

    Facts that another process is taking are left to it.
    """
    oldest = select(outbox.c.number).order_by(outbox.c.number).limit(MOST_AT_ONCE)
    taken = delete(outbox).where(outbox.c.number.in_(oldest.with_for_update(skip_locked=True)))
    rows = sorted(connection.execute(taken.returning(outbox)), key=lambda row: int(row.number))
    return [Fact(row.task_id, FactKind(row.kind), row.at, row.content) for row in rows]
