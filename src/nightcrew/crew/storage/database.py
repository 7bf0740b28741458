"""The PostgreSQL of a crew: the operator's own by URL, or an embedded one with its data in `home`.

One server has two databases: the state store and Prefect's. The crew has its own role, whose password is in
`home/secrets` and in no URL, environment variable or argument. Every process that uses the server holds a
shared lock on `home/postgres.lock` (services inherit it). The last one stops the server, so a command that
runs without a crew leaves no process behind.
"""

import atexit
import fcntl
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from nightcrew.crew.storage.postgres import (
    Server,
    is_alive,
    make_cluster,
    running_server,
    start_server,
    stop_server,
)
from nightcrew.crew.storage.roles import RELAXED, ROLE, is_set_up, set_up
from nightcrew.errors import BadInput, StoreDown, Transient
from nightcrew.secrets.files import open_home, secrets_folder
from nightcrew.settings import Settings

log = logging.getLogger(__name__)

STORE_DATABASE = "nightcrew"
PREFECT_DATABASE = "prefect"
PASSWORD_FILE = "pgpass"  # noqa: S105  a file's name
LONGEST_START_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Database:
    """The addresses of the two databases, and the embedded server's process if there is one."""

    store_url: str
    prefect_url: str
    pid: int | None = None
    lock: IO[bytes] | None = None
    folder: Path | None = None  # of the embedded server's data

    @property
    def is_running(self) -> bool:
        """True if the embedded server runs; one of the operator's own is not ours to watch."""
        return self.folder is None or is_alive(self.folder)


def ensure_database(settings: Settings) -> str:
    """The SQLAlchemy URL of the state store; starts the embedded server if it is not running.

    The server runs until this process and all others that use it have ended.

    Raises:
        BadInput: `database_url` is not a PostgreSQL URL, or its server refuses the login.
        Transient: the embedded server did not start.
    """
    if settings.database_url:
        return _connect(_external(settings.database_url))
    return open_database(settings).store_url


def open_database(settings: Settings) -> Database:
    """Like `ensure_database`, with everything that the services need."""
    if settings.database_url:
        store = _external(settings.database_url)
        return _both(store, f"{store.database}_{PREFECT_DATABASE}", make_prefect=True)
    folder = settings.home.expanduser().resolve() / "postgres"
    if folder not in _opened:
        _opened[folder] = _open_embedded(folder)
        atexit.register(release, folder)
    return _opened[folder]


def revive(settings: Settings) -> int | None:
    """Start the embedded server again if it has ended; its pid, or None if the server is the operator's own.

    Raises:
        Transient: it did not start; the message names its log.
    """
    opened = open_database(settings)
    if opened.folder is None:
        return None
    password_file = secrets_folder(opened.folder.parent) / PASSWORD_FILE
    server = _serve(opened.folder, password_file)
    _opened[opened.folder] = replace(opened, pid=server.pid)
    return server.pid


def release(folder: Path) -> bool:
    """Release the embedded server; True if this was its last user and it was stopped."""
    opened = _opened.pop(folder, None)
    if opened is None or opened.lock is None:
        return False
    with opened.lock as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        server = running_server(folder)  # another process may have started it again
        pid = server.pid if server else opened.pid
        if pid is not None and not stop_server(pid):
            log.warning("the embedded PostgreSQL (process %s) does not stop", pid)
        return True


def release_home(settings: Settings) -> bool:
    """Release the embedded server of a home."""
    return release(settings.home.expanduser().resolve() / "postgres")


def psycopg_arguments(url: URL) -> dict[str, Any]:
    """`url` as keyword arguments for `psycopg.connect`; asyncpg's name for `sslmode` is understood too."""
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    query = {("sslmode" if key == "ssl" else key): value for key, value in url.query.items()}
    return {key: value for key, value in named.items() if value} | {"dbname": url.database} | query


@contextmanager
def alone_on(database: Database) -> Iterator[None]:
    """Be the only engine on this database that starts a server or creates what it needs there.

    Raises:
        Transient: another engine has been at it for `LONGEST_START_SECONDS`, or the database is down.
    """
    arguments = psycopg_arguments(make_url(database.store_url))
    try:
        connection = psycopg.connect(**arguments, autocommit=True)
    except psycopg.OperationalError as error:
        raise StoreDown(f"the database cannot be reached: {error}") from None
    with connection:
        # PostgreSQL lets go of the lock of a host that was cut off within half a minute.
        connection.execute("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5")
        connection.execute(f"SET tcp_keepalives_count = 4; SET lock_timeout = '{LONGEST_START_SECONDS}s'")
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", (_START,))
        except psycopg.errors.LockNotAvailable:
            raise Transient("another engine has been starting on this database for too long") from None
        yield


# ---------------------------------------------------------------------------------------------------------

_opened: dict[Path, Database] = {}
_START = 0x6E69676874  # an advisory lock's number, ours in our own database
# Refusals that waiting does not change; libpq reports them only as text.
_REFUSED = re.compile(
    r"authentication failed|pg_hba|does not exist|permission denied|no password|could not translate|resolve"
)


def _external(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or not parsed.drivername.startswith("postgres") or not parsed.database:
        raise BadInput("NIGHTCREW_DATABASE_URL must look like postgresql://user:password@host:5432/database")
    return parsed.set(drivername="postgresql+psycopg")


def _open_embedded(folder: Path) -> Database:
    home = open_home(folder.parent)
    lock = (home / "postgres.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        password_file = secrets_folder(home) / PASSWORD_FILE
        server = _serve(folder, password_file)
        query = {"host": str(server.sockets), "passfile": str(password_file)}
        store = URL.create("postgresql+psycopg", ROLE, database=STORE_DATABASE, query=query)
        database = _both(store, PREFECT_DATABASE, make_prefect=False)
    except BaseException:
        lock.close()
        raise
    return replace(database, pid=server.pid, lock=lock, folder=folder)


def _serve(folder: Path, password_file: Path) -> Server:
    """The running server of `folder`, created and set up if missing."""
    with _one_at_a_time(folder) as unfinished:
        if (server := running_server(folder)) is None:
            if unfinished.exists():  # its creation was interrupted, and an incomplete cluster never starts
                shutil.rmtree(folder, ignore_errors=True)
            if not (folder / "PG_VERSION").exists():
                unfinished.touch()
                make_cluster(folder)
                unfinished.unlink()
            log_file = folder.parent / "logs" / "postgres.log"
            log_file.parent.mkdir(exist_ok=True, mode=0o700)
            server = start_server(folder, log_file)
            log.info("embedded PostgreSQL runs as process %s in %s", server.pid, folder)
        if not is_set_up(folder, password_file):
            set_up(server, folder, password_file, {STORE_DATABASE: False, PREFECT_DATABASE: True})
    return server


def _both(store: URL, prefect_database: str, *, make_prefect: bool) -> Database:
    """Both addresses, once connections have succeeded."""
    query = {("ssl" if key == "sslmode" else key): value for key, value in store.query.items()}
    prefect = store.set(drivername="postgresql+asyncpg", database=prefect_database, query=query)
    url = _connect(store, prefect_database if make_prefect else None)
    return Database(url, prefect.render_as_string(False))


def _connect(store: URL, new_database: str | None = None) -> str:
    """The address of the state store, after a successful connection; creates `new_database` if missing."""
    try:
        with psycopg.connect(**psycopg_arguments(store), autocommit=True, connect_timeout=10) as connection:
            if new_database:
                _make_prefect_database(connection, new_database)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        if isinstance(error, psycopg.OperationalError) and not _REFUSED.search(reason):
            raise StoreDown(f"the database cannot be reached: {reason}") from None
        raise BadInput(f"the database refused the login: {reason}") from None
    return store.render_as_string(False)


def _make_prefect_database(connection: psycopg.Connection[Any], name: str) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
        return
    try:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.execute(RELAXED.format(sql.Identifier(name)))
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        return  # another process has created it
    except psycopg.errors.InsufficientPrivilege:
        raise BadInput(
            f"Prefect needs a database of its own beside the crew's, and this role may not create it: "
            f"createdb --owner=ROLE {name}"
        ) from None


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[Path]:
    """Lock the start of a server; yields the path of the marker that its data is incomplete."""
    with (folder.parent / "postgres.starting").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder.parent / "postgres.unfinished"
