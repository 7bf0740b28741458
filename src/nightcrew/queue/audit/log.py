"""Adds lines to the audit log and reads them. They are in the state store, in the transaction of their act.

So an act and its line are both there or neither is, whatever ends a process; if the line cannot be written,
the act fails. One row, the head, has number and hash of the last line: it orders all processes and hosts, and
a log that was cut at its end does not fit it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from nightcrew.queue.audit.actor import Actor, actor
from nightcrew.queue.audit.line import Act, chained, make_line, subject

_HEAD = text("SELECT number, hash, clock_timestamp() AS now FROM audit_head FOR UPDATE")
_ADD = text(
    "WITH head AS (UPDATE audit_head SET number = :number, hash = :hash) "
    "INSERT INTO audit (number, at, act, about, line, hash) "
    "VALUES (:number, :at, :act, :about, :line, :hash)"
)
_LATEST = text("SELECT line FROM audit WHERE about = :about AND act = :act ORDER BY number DESC LIMIT 1")
_LIST = (
    "SELECT number, line, hash FROM audit WHERE (:act = '' OR act = :act) "
    "AND (:about = '' OR about = :about) AND (CAST(:since AS timestamptz) IS NULL OR at >= :since) "
    "ORDER BY number DESC LIMIT :limit"
)


class Entry(NamedTuple):
    """A line as it is stored."""

    number: int
    line: str
    hash: str


def enter(
    connection: Connection,
    act: Act,
    about: str,
    details: Mapping[str, object] | None = None,
    *,
    who: Actor | None = None,
) -> None:
    """Add a line in the transaction of `connection`; the last thing there, because it locks the head.

    `about` is the id of a task, the name of a schedule, and so on.
    """
    head = connection.execute(_HEAD).one()
    number, about = head.number + 1, subject(about)
    line = make_line(number, head.now, act, about, who or actor(), details or {})
    values = {"number": number, "at": head.now, "act": act, "about": about}
    connection.execute(_ADD, {**values, "line": line, "hash": chained(head.hash, line)})


def latest(connection: Connection, act: Act, about: str) -> str | None:
    """The last line of this act about this, or None."""
    found = connection.execute(_LATEST, {"act": act, "about": subject(about)}).scalar_one_or_none()
    return None if found is None else str(found)


def entries(
    connection: Connection,
    *,
    act: Act | None = None,
    about: str = "",
    since: datetime | None = None,
    limit: int = 50,
) -> Sequence[Entry]:
    """The last `limit` lines that fit, the oldest first."""
    values = {"act": act or "", "about": about, "since": since, "limit": limit}
    rows = connection.execute(text(_LIST), values).all()
    return [Entry(row.number, row.line, row.hash) for row in reversed(rows)]


def stored_rows(connection: Connection) -> Iterator[dict[str, Any]]:
    """All rows of the table in order, a thousand at a time."""
    query = text("SELECT number, at, act, about, line, hash FROM audit ORDER BY number")
    found = connection.execution_options(stream_results=True, yield_per=1_000).execute(query)
    yield from map(dict, found.mappings())
