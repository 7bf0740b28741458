"""The state store: the data that the processes of a crew share transactionally, in one PostgreSQL.

Packages describe their tables on `metadata` where they use them; the tables are created and changed by
the numbered files in `migrations/`. History that no transaction needs belongs in the ledger.
"""

import logging
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

import psycopg
from sqlalchemy import Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, OperationalError

from nightcrew.errors import BadInput, StoreDown
from nightcrew.queue.migration import migrate, shipped_migrations

log = logging.getLogger(__name__)

metadata = MetaData()

# A pooled connection that was idle for longer is tried before it is used.
RESTED_SECONDS = 5.0


def utc_now() -> datetime:
    """The current time in UTC; the default clock of everything that stores time windows."""
    return datetime.now(UTC)


class StateStore:
    """A process's connection pool to the state store; a context manager that closes it.

    Raises:
        BadInput: `url` is not a PostgreSQL URL.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = _engine(url)

    def __repr__(self) -> str:
        return f"StateStore({self.engine.url.render_as_string(hide_password=True)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the pooled connections; the store can still be used and opens new ones."""
        self.engine.dispose()


def create_schema(store: StateStore) -> None:
    """Bring the store's tables to this version; safe to call often and from many processes at once.

    Raises:
        StoreDown: the database cannot be reached.
        BadInput: a newer version of Nightcrew has changed the store.
    """
    try:
        with store.engine.begin() as connection:
            migrate(connection, shipped_migrations())
    except OperationalError as error:
        raise StoreDown(f"the state store cannot be reached: {_first_line(error)}") from error


def is_down(error: BaseException) -> bool:
    """True if `error` means that the state store cannot be reached."""
    return isinstance(error, StoreDown | OperationalError)


@contextmanager
def only_one(store: StateStore, name: str) -> Iterator[bool]:
    """Be the only process of all hosts in a block of this name; yields False if another is."""
    key = {"key": zlib.crc32(name.encode())}
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_alone = bool(connection.scalar(text("select pg_try_advisory_lock(:key)"), key))
        try:
            yield is_alone
        finally:
            if is_alone and not connection.invalidated:
                connection.execute(text("select pg_advisory_unlock(:key)"), key)


# ----------------------------------------------------------------------------------------------------


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadInput("the database's address is not a URL; expected postgresql://...") from None
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise BadInput(f"the state store needs PostgreSQL, not {parsed.get_backend_name()}")
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=5,
        max_overflow=20,
        connect_args={"connect_timeout": 10, "application_name": "nightcrew"},
    )
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", _check_rested)
    return engine


def _note_rest(connection: Any, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


def _check_rested(connection: Any, record: Any, proxy: Any) -> None:
    """Test only idle connections: a restarted server has closed them, and a test costs a round trip."""
    if time.monotonic() - record.info.get("rests_since", time.monotonic()) < RESTED_SECONDS:
        return
    try:
        connection.execute("select 1")
        connection.rollback()
    except psycopg.OperationalError as error:
        raise DisconnectionError from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
