"""The account's row in the state store, and the stop that keeps a refused key from failing many tasks.

The row also holds the quota's counters (`quota.py`), so that one lock protects both.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    Row,
    Table,
    Text,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from nightcrew.errors import AccountStopped
from nightcrew.openrouter.books.round_trip import TO_DISK
from nightcrew.queue.audit import log as audit
from nightcrew.queue.audit.line import Act
from nightcrew.queue.state_store import StateStore, metadata, utc_now

log = logging.getLogger(__name__)

# Selected in a transaction, it makes the commit not wait for the disk. A crash of the database does no harm
# there: the platform counts calls too, and an unsettled reservation is charged in full.
LAZILY_DURABLE = func.set_config("synchronous_commit", "off", True)

accounts = Table(
    "accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("stopped_at", DateTime(timezone=True)),
    Column("stop_fault", Text),
    Column("stop_message", Text),
    Column("per_minute", Integer),  # learned from the provider; null: as in the settings
    Column("per_day", Integer),
    Column("day", Date),
    Column("day_used", Integer, nullable=False, server_default="0"),
    Column("resting_until", DateTime(timezone=True)),
    Column("resting_fault", Text),
    Column("offline_since", DateTime(timezone=True)),
    Column("offline_until", DateTime(timezone=True)),  # the next probe
    Column("offline_reason", Text),
    Column("offline_probes", Integer, nullable=False, server_default="0"),  # of this outage
    Column("online_at", DateTime(timezone=True)),  # when the last outage ended
)


@dataclass(frozen=True, slots=True)
class Stop:
    """Why and since when the whole crew has been stopped."""

    at: datetime
    fault: str
    message: str


def lock_account(connection: Connection, account: str, *, for_update: bool) -> Row[tuple[object, ...]]:
    """The account's row, created if missing; locked until the transaction ends if `for_update`.

    The commit will not wait for the disk: see `LAZILY_DURABLE`.
    """
    query = select(accounts, LAZILY_DURABLE).where(accounts.c.account == account)
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    if row is None:
        connection.execute(upsert(accounts).values(account=account).on_conflict_do_nothing())
        row = connection.execute(query.with_for_update() if for_update else query).one()
    return row


def read_account(store: StateStore, account: str) -> Row[tuple[object, ...]] | None:
    """The account's row as it is now, without a lock; None if there is none."""
    with store.engine.connect() as connection:
        return connection.execute(select(accounts).where(accounts.c.account == account)).one_or_none()


def make_durable(store: StateStore) -> None:
    """Wait until everything committed so far is on disk, without holding a lock."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(TO_DISK))


def check_running(row: Row[tuple[object, ...]]) -> None:
    """Raise AccountStopped if the crew is stopped."""
    if row.stopped_at is not None:
        raise AccountStopped(str(row.stop_message))


def stop_crew(
    store: StateStore, account: str, *, fault: str, message: str, clock: Callable[[], datetime] = utc_now
) -> None:
    """Stop every process of the crew before its next call; the first reason is kept."""
    log.error("the crew stops: %s", message)
    with store.engine.begin() as connection:
        lock_account(connection, account, for_update=True)
        stopped = connection.execute(
            update(accounts)
            .where(accounts.c.account == account, accounts.c.stopped_at.is_(None))
            .values(stopped_at=clock(), stop_fault=fault, stop_message=message)
        )
        if stopped.rowcount:
            audit.enter(connection, Act.HALT, "crew", {"fault": fault, "message": message})


def resume_crew(store: StateStore, account: str) -> bool:
    """Let the crew make calls again; True if it was stopped."""
    with store.engine.begin() as connection:
        resumed = connection.execute(
            update(accounts)
            .where(accounts.c.account == account, accounts.c.stopped_at.is_not(None))
            .values(stopped_at=None, stop_fault=None, stop_message=None)
        )
        if resumed.rowcount:
            audit.enter(connection, Act.RESUME, "crew")
        return resumed.rowcount > 0


def crew_stop(store: StateStore, account: str) -> Stop | None:
    """The current stop; None while the crew may make calls."""
    row = read_account(store, account)
    if row is None or row.stopped_at is None:
        return None
    return Stop(row.stopped_at, row.stop_fault, row.stop_message)
