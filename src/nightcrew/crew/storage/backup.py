"""Backups of a crew's data in one file: state store, ledger, results, and the selector's memory.

A backup is consistent while the crew runs: changes of tasks wait for the few seconds in which store and
ledger are copied, so that each fact is in exactly one of them. What several hosts share is in it too, but for
facts that another host has not sent yet. Secrets, caches and Prefect's database are not in it.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection

from nightcrew.crew.status import status
from nightcrew.crew.storage.acts import note
from nightcrew.crew.storage.database import ensure_database
from nightcrew.errors import BadInput
from nightcrew.ledger.sharing import ARCHIVE, JOURNALS, exchange_journals
from nightcrew.queue.audit.line import Act
from nightcrew.queue.audit.log import enter, entries
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.settings import Settings
from nightcrew.shared_files import RESULTS, SharedFiles, shared_files

FORMAT = 1
MANIFEST = "nightcrew-backup.json"
FOLDERS = ("ledger", "results")
MEMORY = "memory.json"
AUDIT = "audit"
MOST_REPLACED = 1_000  # lines of an empty home's audit log, which the backup's log replaces
FIRST = ("tasks",)  # other tables refer to them
RESTORED = "restored from a backup; it will run again"
_LEFT_OUT = (".lock", ".duckdb", ".wal")


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup file holds."""

    file: Path
    tasks: int
    files: int


def write_backup(settings: Settings, file: Path) -> Backup:
    """Write a backup to `file`, which must not exist.

    Raises:
        BadInput: the file exists or cannot be written.
        Transient: the database cannot be reached.
    """
    if file.exists():
        raise BadInput(f"{file} exists: name another file")
    note(settings, Act.BACKUP, str(file.resolve()))
    draft = file.with_name(f".{file.name}.part")
    home, shared = settings.home.expanduser().resolve(), shared_files(settings)
    try:
        with _connected(settings) as (_, connection), tarfile.open(draft, "w:gz", compresslevel=3) as tar:
            connection.execute("LOCK TABLE outbox IN SHARE MODE")  # before the first query fixes what is seen
            tables = _add_tables(tar, connection)
            if shared:
                exchange_journals(settings.ledger_dir, shared)
            files = _add_folder(tar, home / "ledger", home)
            connection.commit()  # tasks may change again; a result is on disk before its task's status
            # Parts after journals: what is archived meanwhile is in both, and counts once.
            if shared:
                files += sum(_add_shared(tar, shared, name, home) for name in (ARCHIVE, RESULTS))
            files += _add_folder(tar, home / "results", home, but_for=set(tar.getnames()))
            if (home / MEMORY).is_file():
                tar.add(home / MEMORY, MEMORY)
                files += 1
            manifest = {"format": FORMAT, "nightcrew": version("nightcrew"), "tables": tables}
            _add_bytes(tar, MANIFEST, json.dumps(manifest).encode())
        draft.rename(file)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)
    return Backup(file, tables["tasks"]["rows"], files)


def restore_backup(settings: Settings, file: Path) -> Backup:
    """Restore a backup into a home without tasks, and what hosts share to its place; unfinished tasks will
    run again.

    Raises:
        BadInput: the file is no backup or of a newer version, the crew runs, or there is data already.
        Transient: the database or the shared place cannot be reached.
    """
    if status(settings).running:
        raise BadInput("the crew is running: stop it with 'nightcrew stop-engine' first")
    try:
        with tarfile.open(file) as tar, _connected(settings) as (store, connection):
            tables = _tables_of(tar, file)
            home, shared = settings.home.expanduser().resolve(), shared_files(settings)
            _check_empty(connection, home, shared)
            replaced = entries(store, limit=MOST_REPLACED)
            members = [
                member for member in tar if member.name.startswith(tuple(f"{one}/" for one in FOLDERS))
            ]
            members += [member for member in tar if member.name == MEMORY]
            tar.extractall(home, members, filter="data")
            _fill_tables(tar, connection, tables)
            if shared:
                shared.send_folder(home / ARCHIVE, ARCHIVE)
                shared.send_folder(home / RESULTS, RESULTS)
            _move_changes(connection, shared.place(RESULTS) if shared else str(home / RESULTS))
            lines = [json.loads(one.line) for one in replaced] if AUDIT in tables else []
            enter(store, Act.RESTORE, str(file.resolve()), {"replaced_lines": lines})
            store.commit()
    except FileNotFoundError:
        raise BadInput(f"there is no file {file}") from None
    except (OSError, tarfile.TarError, EOFError) as error:
        raise BadInput(f"{file} cannot be read as a backup: {error}") from None
    return Backup(file, tables["tasks"]["rows"], len(members))


# ---------------------------------------------------------------------------------------------------------


@contextmanager
def _connected(settings: Settings) -> Iterator[tuple[Connection, psycopg.Connection[Any]]]:
    """A transaction that sees one state of the store, and the driver's own object for it."""
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        with store.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            yield connection, driver


def _columns(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """The columns of each of our tables, in order; the record of migrations belongs to the schema."""
    rows = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'migrations' ORDER BY table_name, ordinal_position"
    ).fetchall()
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return found


def _add_tables(tar: tarfile.TarFile, connection: psycopg.Connection[Any]) -> dict[str, dict[str, Any]]:
    added = {}
    for table, columns in _columns(connection).items():
        with connection.cursor() as cursor:
            with cursor.copy(_copy("COPY {} ({}) TO STDOUT", table, columns)) as copy:
                content = b"".join(bytes(part) for part in copy)
            added[table] = {"columns": columns, "rows": cursor.rowcount}
        _add_bytes(tar, f"store/{table}", content)
    return added


def _fill_tables(
    tar: tarfile.TarFile, connection: psycopg.Connection[Any], tables: Mapping[str, Mapping[str, Any]]
) -> None:
    known = _columns(connection)
    connection.execute("SET LOCAL nightcrew.audit_may_remove = 'on'")
    for table in sorted(tables, key=lambda name: (name not in FIRST, name)):
        columns = tables[table]["columns"]
        if not set(columns) <= set(known.get(table, ())):
            raise BadInput(f"the backup is of a newer version of Nightcrew: it has {table} with {columns}")
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        content = tar.extractfile(f"store/{table}")
        assert content is not None
        with (
            connection.cursor() as cursor,
            cursor.copy(_copy("COPY {} ({}) FROM STDIN", table, columns)) as copy,
        ):
            while part := content.read(1 << 20):
                copy.write(part)
    _renumber(connection)
    connection.execute(
        "UPDATE tasks "
        "SET status = 'pending', restarts = restarts + 1, flow_run_id = NULL, pid = NULL, detail = %s "
        "WHERE status IN ('queued', 'running', 'needs_review')",
        (RESTORED,),
    )


def _move_changes(connection: psycopg.Connection[Any], results: str) -> None:
    """The changes lie in the restored results, wherever they were before."""
    connection.execute(
        "UPDATE tasks SET change_path = %s || '/' || task_id || '/change.patch' "
        "WHERE change_path IS NOT NULL",
        (results,),
    )


def _renumber(connection: psycopg.Connection[Any]) -> None:
    """Continue each table's own numbers after those that were restored."""
    identities = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND is_identity = 'YES'"
    ).fetchall()
    for table, column in identities:
        query = "SELECT setval(pg_get_serial_sequence(%s, %s), coalesce(max({}), 0) + 1, false) FROM {}"
        connection.execute(
            sql.SQL(query).format(sql.Identifier(column), sql.Identifier(table)), (table, column)
        )


def _tables_of(tar: tarfile.TarFile, file: Path) -> dict[str, dict[str, Any]]:
    try:
        content = tar.extractfile(MANIFEST)
    except KeyError:
        content = None
    if content is None:
        raise BadInput(f"{file} is no backup of Nightcrew, or is incomplete")
    manifest = json.loads(content.read())
    if manifest["format"] > FORMAT:
        raise BadInput(
            f"{file} was made by Nightcrew {manifest['nightcrew']}: install that version or a later one"
        )
    return dict(manifest["tables"])


def _check_empty(connection: psycopg.Connection[Any], home: Path, shared: SharedFiles | None) -> None:
    has_tasks = connection.execute("SELECT EXISTS (SELECT FROM tasks)").fetchone() == (True,)
    if has_tasks or any((home / "ledger" / "journal").glob("*T*")) or any((home / "results").glob("*")):
        raise BadInput(f"{home} has tasks: restore into an empty home, named with NIGHTCREW_HOME")
    if shared and any(shared.list(name) for name in (JOURNALS, ARCHIVE, RESULTS)):
        raise BadInput(f"{shared.url} has data: restore into an empty place, named with NIGHTCREW_STORE_URL")


def _add_shared(tar: tarfile.TarFile, shared: SharedFiles, folder: str, home: Path) -> int:
    """Add the files of a shared folder that are not there yet; returns their number."""
    present = set(tar.getnames())
    names = [name for name in shared.list(folder) if f"{folder}/{name}" not in present]
    with TemporaryDirectory(dir=home, prefix=".backup-") as scratch:
        for name in names:
            shared.fetch(f"{folder}/{name}", file := Path(scratch) / "fetched")
            tar.add(file, f"{folder}/{name}", filter=_plain)
            file.unlink()
    return len(names)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    return member.replace(mode=0o600, uid=0, gid=0, uname="", gname="", deep=False)


def _add_folder(tar: tarfile.TarFile, folder: Path, home: Path, *, but_for: Set[str] = frozenset()) -> int:
    """Add the files of a folder, without locks and what can be made again; returns their number."""
    number = 0
    for path in sorted(folder.rglob("*")):
        if (
            path.is_symlink()
            or not path.is_file()
            or path.name.startswith(".")
            or path.name.endswith(_LEFT_OUT)
            or str(path.relative_to(home)) in but_for
        ):
            continue
        try:
            content = path.read_bytes()  # whole, because a journal may grow
        except FileNotFoundError:
            continue
        _add_bytes(tar, str(path.relative_to(home)), content)
        number += 1
    return number


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _copy(query: str, table: str, columns: Sequence[str]) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL(query).format(sql.Identifier(table), names)
