"""Runs several statements as one transaction, in one round trip to the state store.

Contended rows are locked only while the server works on them, never while this process waits for the CPU. In
such a transaction the first statement takes the locks and the second one acts: a statement only sees what was
committed when it began, so a statement that had to wait for a lock would read stale rows.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg
from sqlalchemy.exc import OperationalError

from nightcrew.queue.state_store import StateStore

# A commit that writes waits for the log up to that point, and shares the wait with other commits.
TO_DISK = "select pg_logical_emit_message(true, 'nightcrew', '')"


def in_one_trip(
    store: StateStore, statements: Sequence[str], values: Mapping[str, Any], *, durable: bool = False
) -> tuple[Any, ...] | None:
    """The row of the last statement, or None; with `durable`, returns only when all is on disk.

    Raises:
        OperationalError: SQLAlchemy's; the database cannot be reached.
    """
    try:
        with closing(store.engine.raw_connection()) as pooled:
            connection: psycopg.Connection[Any] = pooled.driver_connection  # type: ignore[assignment]
            connection.autocommit = True  # a pipeline up to its end or to `sync` is one transaction
            try:
                return _run(connection, statements, values, durable=durable)
            finally:
                connection.autocommit = False
    except psycopg.OperationalError as error:
        raise OperationalError("in one trip", None, error) from error


# ----------------------------------------------------------------------------------------------------


def _run(
    connection: psycopg.Connection[Any],
    statements: Sequence[str],
    values: Mapping[str, Any],
    *,
    durable: bool,
) -> tuple[Any, ...] | None:
    with connection.pipeline() as pipeline:
        for statement in statements:
            cursor = connection.execute(statement, values, prepare=True)
        if durable:
            pipeline.sync()  # the locks are released before the wait for the disk
            connection.execute(TO_DISK, prepare=True)
    row: tuple[Any, ...] | None = cursor.fetchone()
    return row
