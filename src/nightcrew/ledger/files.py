"""The files of a ledger: `journal/`, `archive/`, `ledger.sql` and `ledger.duckdb`.

`ledger.duckdb` contains views and no data, so it can be open anywhere, even read-write, without disturbing
writers. `ledger.sql` is the same as text: it can be run in any session and takes no lock. Both contain the
folder's absolute path and are rewritten when it or the views have changed.
"""

import hashlib
import os
import shutil
import uuid
from pathlib import Path

import duckdb

from nightcrew.ledger.events import EVENT_TYPES
from nightcrew.ledger.journal import sync_folder
from nightcrew.ledger.schema import columns_of, literal, script, sql_type
from nightcrew.ledger.sharing import ARCHIVE
from nightcrew.ledger.version import check_version
from nightcrew.shared_files import SharedFiles

STORAGE_VERSION = "v1.2.0"  # readable by DuckDB 1.5 and 2.0


def connect(shared: SharedFiles | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory session in UTC that never downloads an extension; it reads shared files where they lie."""
    connection = duckdb.connect(":memory:")
    if shared and not shared.is_folder:
        connection.register_filesystem(shared.for_duckdb())
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def archive_of(ledger_dir: Path, shared: SharedFiles | None) -> str:
    """The place of the parts: a path or a URL."""
    return shared.place(ARCHIVE) if shared else f"{ledger_dir}/archive"


def prepare(ledger_dir: Path, shared: SharedFiles | None = None) -> None:
    """Create an empty journal and an empty, typed part, because every glob in the views needs a match.

    Idempotent, also if two processes do it at once.

    Raises:
        BadInput: a newer version of Nightcrew has written to the ledger.
    """
    check_version(ledger_dir)
    seed = ledger_dir / "journal" / "0" / "empty.jsonl"
    if not seed.exists():
        seed.parent.mkdir(parents=True, exist_ok=True)
        seed.touch()
    part = ledger_dir / "archive" / f"part-0-{_schema_digest()}"
    empty = {kind: f"SELECT {_nothing(kind)} LIMIT 0" for kind in _KINDS}
    if not part.exists():
        with connect() as connection:
            publish_part(part, empty, connection)
    if shared and len(shared.list(f"{ARCHIVE}/{part.name}")) < len(_KINDS):
        shared.send_folder(part, f"{ARCHIVE}/{part.name}")


def publish_part(
    part: Path,
    queries: dict[str, str],
    connection: duckdb.DuckDBPyConnection,
    shared: SharedFiles | None = None,
) -> None:
    """Write each query's rows to `<kind>.parquet`, and publish all files together as folder `part`.

    Shared parts appear file by file; their facts count once, since their journals stay for a while.
    """
    hidden = part.parent / f".tmp-{uuid.uuid4().hex}"
    hidden.mkdir(parents=True)
    try:
        for kind, query in queries.items():
            connection.execute(f"COPY ({query}) TO {literal(hidden / f'{kind}.parquet')} (FORMAT parquet)")
        for file in hidden.iterdir():
            _sync_file(file)
        sync_folder(hidden)
        if shared:
            shared.send_folder(hidden, f"{ARCHIVE}/{part.name}")
        elif not part.exists():
            hidden.rename(part)
            sync_folder(part.parent)
    except OSError:
        if not part.exists():  # else another process has written the same
            raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def write_views(ledger_dir: Path, shared: SharedFiles | None = None) -> Path:
    """Update `ledger.sql` and `ledger.duckdb`; returns the path of the latter."""
    views, database = ledger_dir / "ledger.sql", ledger_dir / "ledger.duckdb"
    text = script(ledger_dir, archive_of(ledger_dir, shared))
    if database.exists() and views.exists() and views.read_bytes() == text.encode():
        return database
    fresh = ledger_dir / f".tmp-{uuid.uuid4().hex}.duckdb"
    with connect(shared) as connection:
        connection.execute(f"ATTACH {literal(fresh)} AS ledger (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("USE ledger")
        connection.execute(text).fetchall()
        connection.execute("USE memory")
        connection.execute("DETACH ledger")
    fresh.replace(database)
    database.with_name("ledger.duckdb.wal").unlink(missing_ok=True)  # of a process that has the old file open
    write_text(views, text)
    return database


def write_text(path: Path, text: str) -> None:
    """Replace a file atomically: readers see the old text or the new one."""
    fresh = path.with_name(f".tmp-{uuid.uuid4().hex}-{path.name}")
    fresh.write_text(text, encoding="utf-8")
    _sync_file(fresh)
    fresh.replace(path)
    sync_folder(path.parent)


# --- private ----------------------------------------------------------------------------------------------

_KINDS = {event_type.kind: event_type for event_type in EVENT_TYPES}


def _nothing(kind: str) -> str:
    columns = columns_of(_KINDS[kind]).items()
    return ", ".join(f"NULL::{sql_type(column)} AS {name}" for name, column in columns)


def _schema_digest() -> str:
    return hashlib.sha256("\n".join(_nothing(kind) for kind in _KINDS).encode()).hexdigest()[:12]


def _sync_file(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
