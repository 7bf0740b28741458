"""Migrates the tables of a state store to this version: numbered SQL files, each run once, in order.

The files in `migrations/` are named `0001_what_it_does.sql`; a released file is never edited. The store's
table `migrations` records which ones have run. All missing ones run in one transaction, so that an
interrupted process leaves the old version.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
)

from nightcrew.errors import BadInput
from nightcrew.queue.audit import log as audit
from nightcrew.queue.audit.line import Act

log = logging.getLogger(__name__)

_LOCK = 7_316_001  # any number will do, as long as every process uses the same

# Not registered with the other tables, because it exists before the first migration.
ran = Table(
    "migrations",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("ran_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("nightcrew_version", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a version of the tables to the next."""

    number: int
    name: str
    sql: str


def shipped_migrations(folder: Traversable | None = None) -> Sequence[Migration]:
    """The migrations of this version in order, from `folder`."""
    place = folder or files(__package__).joinpath("migrations")
    found = [_read(file) for file in place.iterdir() if file.name.endswith(".sql")]
    return sorted(found, key=lambda migration: migration.number)


def migrate(connection: Connection, migrations: Sequence[Migration]) -> Sequence[Migration]:
    """Run those of `migrations` that have not run in this store, one process at a time; returns them.

    Raises:
        BadInput: a newer version of Nightcrew has changed the store; nothing is changed.
    """
    if not _missing(connection, migrations):
        return ()
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    missing = _missing(connection, migrations)  # another process may have run them in the meantime
    ran.create(connection, checkfirst=True)
    for migration in missing:
        connection.exec_driver_sql(migration.sql, execution_options={"no_parameters": True})
        connection.execute(
            insert(ran).values(
                number=migration.number, name=migration.name, nightcrew_version=version("nightcrew")
            )
        )
        log.info("state store: migration %04d %s", migration.number, migration.name)
    if inspect(connection).has_table("audit"):
        done = [f"{one.number:04d} {one.name}" for one in missing]
        audit.enter(connection, Act.MIGRATION, "state store", {"version": version("nightcrew"), "ran": done})
    return missing


# ---------------------------------------------------------------------------------------------------------


def _read(file: Traversable) -> Migration:
    number, _, name = file.name.removesuffix(".sql").partition("_")
    return Migration(int(number), name, file.read_text(encoding="utf-8"))


def _missing(connection: Connection, migrations: Sequence[Migration]) -> Sequence[Migration]:
    if not inspect(connection).has_table(ran.name):
        return migrations
    done = {row.number: row.nightcrew_version for row in connection.execute(select(ran))}
    newest = max(done, default=0)
    if newest > max((migration.number for migration in migrations), default=0):
        raise BadInput(
            f"the state store was changed by Nightcrew {done[newest]}, which is newer than this one "
            f"({version('nightcrew')}): install {done[newest]} or later; nothing was changed"
        )
    return [migration for migration in migrations if migration.number not in done]
