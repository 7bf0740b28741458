"""What was asked for on GitHub, in the state store: each issue and each comment becomes one task at most."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    Row,
    Table,
    Text,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from nightcrew.queue.state_store import StateStore, metadata
from nightcrew.task import Task

_LOCKS = 7_316_004

requests = Table(
    "requests",
    metadata,
    Column("key", Text, primary_key=True),
    Column("repo", Text, nullable=False),
    Column("issue", Integer, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("task", JSONB(none_as_null=True)),
    Column("problem", Text, nullable=False, server_default=""),
    Column("task_id", Text),
    Column("comment_id", BigInteger),
    Column("comment", Text, nullable=False, server_default=""),
    Column("is_open", Boolean, nullable=False, server_default="true"),
    Index("requests_open", "repo", postgresql_where=text("is_open")),
)
watched = Table(
    "watched",
    metadata,
    Column("repo", Text, primary_key=True),
    Column("seen_until", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `task` is what it asks for, `task_id` the task that was stored for it."""

    key: str
    repo: str
    issue: int
    asked_by: str
    task: Task | None = None
    problem: str = ""  # why it becomes no task
    task_id: str | None = None
    comment_id: int | None = None  # of our comment
    comment: str = ""  # its text
    is_open: bool = True  # our comment will change


class Changes(TypedDict, total=False):
    """The fields that `update` can change."""

    problem: str
    task_id: str
    comment_id: int
    comment: str
    is_open: bool


class Requests:
    """The requests in a crew's state store; `create_schema` must have created the tables."""

    def __init__(self, store: StateStore) -> None:
        self._engine = store.engine

    @contextmanager
    def turn(self, repo: str) -> Iterator[None]:
        """In this block no other process of the crew looks at the repository; waits for its turn."""
        keys = {"kind": _LOCKS, "repo": zlib.crc32(repo.encode(errors="surrogateescape")) - 2**31}
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("select pg_advisory_lock(:kind, :repo)"), keys)
            try:
                yield
            finally:
                if not connection.invalidated:
                    connection.execute(text("select pg_advisory_unlock(:kind, :repo)"), keys)

    def keep(self, request: Request) -> bool:
        """Store a request; False if it is there already, which stays as it is."""
        values = {
            "key": request.key,
            "repo": request.repo,
            "issue": request.issue,
            "asked_by": request.asked_by,
            "task": request.task.model_dump(mode="json") if request.task else None,
            "problem": request.problem,
            "is_open": request.is_open,
        }
        statement = insert(requests).values(**values).on_conflict_do_nothing().returning(requests.c.key)
        with self._engine.begin() as connection:
            return connection.execute(statement).one_or_none() is not None

    def known(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that are there."""
        query = select(requests.c.key).where(requests.c.key.in_(keys))
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def open_ones(self, repo: str) -> Sequence[Request]:
        """The requests whose comment has not written the end yet, the oldest first."""
        query = select(requests).where(requests.c.repo == repo, requests.c.is_open)
        with self._engine.connect() as connection:
            return [_request(row) for row in connection.execute(query.order_by(requests.c.asked_at))]

    def update(self, key: str, **changes: Unpack[Changes]) -> Request:
        """Change a request that is there."""
        statement = update(requests).where(requests.c.key == key).values(**changes).returning(requests)
        with self._engine.begin() as connection:
            return _request(connection.execute(statement).one())

    def seen_until(self, repo: str) -> datetime | None:
        """The time until which the repository was looked at; None: never."""
        query = select(watched.c.seen_until).where(watched.c.repo == repo)
        with self._engine.connect() as connection:
            found: datetime | None = connection.execute(query).scalar_one_or_none()
        return found

    def saw(self, repo: str, until: datetime) -> None:
        """Remember that the repository was looked at until then."""
        values = {"seen_until": until}
        statement = insert(watched).values(repo=repo, **values)
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["repo"], set_=values))


# ---------------------------------------------------------------------------------------------------------


def _request(row: Row[Any]) -> Request:
    values = {name: value for name, value in row._mapping.items() if name not in {"asked_at", "task"}}
    return Request(**values, task=None if row.task is None else Task.model_validate(row.task))
