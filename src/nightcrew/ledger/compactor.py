"""Converts journals into typed Parquet files, so that a growing ledger stays fast.

Only one compactor runs at a time (`flock`). It reads the journals that are no longer written to, skips
archived events, writes one Parquet file per kind of event, and publishes them together with one rename.
Parts of past days and months are merged (`merging.py`); those that several hosts share are not. A
folder of journals is removed, also with one rename, once its hour is over, all its files were archived longer
than a grace period ago, and none has grown since. It can be killed at any time and run again: events are
identified by their ids, and `archived.json` only saves work.
"""

# ruff: noqa: S608 - built from our own names; every text from outside goes through `literal`

import json
import logging
import shutil
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from nightcrew.ledger.events import EVENT_TYPES
from nightcrew.ledger.files import archive_of, connect, prepare, publish_part, write_text, write_views
from nightcrew.ledger.journal import HOUR_FORMAT, utc_now
from nightcrew.ledger.kept import keep_figures, note_parts
from nightcrew.ledger.merging import merge_parts, remove_unfinished
from nightcrew.ledger.quarantine import (
    damaged_journals,
    keep_damaged,
    locked,
    set_unreadable_aside,
)
from nightcrew.ledger.schema import columns_of, glob_literal, journal_rows
from nightcrew.ledger.sharing import ARCHIVED, JOURNALS, Archived, exchange_journals, fetch_archived
from nightcrew.shared_files import SharedFiles

log = logging.getLogger(__name__)

REMEMBERED = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Compaction:
    """The result of one run; all zero if another compactor was running."""

    journals: int = 0
    facts: int = 0
    folders_retired: int = 0


def compact(
    ledger_dir: Path,
    shared: SharedFiles | None = None,
    *,
    quiet_seconds: float = 300.0,
    grace_seconds: float = 3600.0,
    now: datetime | None = None,
) -> Compaction:
    """Archive journals not written to for `quiet_seconds`; remove folders archived `grace_seconds` ago.

    Run it hourly, or daily with fewer than about 2,000 tasks a day. With `shared` files, on one
    host at a time.
    """
    ledger_dir, now = ledger_dir.absolute(), now or utc_now()
    if shared:
        exchange_journals(ledger_dir, shared)
    prepare(ledger_dir, shared)
    with locked(ledger_dir, wait=False) as alone:
        if not alone:
            return Compaction()
        _recover(ledger_dir, now.timestamp())
        before = now.timestamp() - quiet_seconds
        try:
            archived, fresh, facts = _archive_quiet(ledger_dir, shared, before)
        except duckdb.Error:
            if not set_unreadable_aside(ledger_dir, shared):
                raise
            prepare(ledger_dir, shared)
            archived, fresh, facts = _archive_quiet(ledger_dir, shared, before)
        archived |= {name: (size, now.timestamp()) for name, size in fresh.items()}
        _save(ledger_dir, archived, shared)
        retired = _retire(ledger_dir, archived, now, grace_seconds)
        _forget(archived, retired, now, shared)
        _save(ledger_dir, archived, shared)
        if shared is None:
            _settle(ledger_dir, now)
        write_views(ledger_dir, shared)
    log.info("compacted %d journals, %d new facts, retired %d folders", len(fresh), facts, len(retired))
    return Compaction(journals=len(fresh), facts=facts, folders_retired=len(retired))


# --- private ----------------------------------------------------------------------------------------------


def _archive_quiet(
    ledger_dir: Path, shared: SharedFiles | None, before: float
) -> tuple[Archived, dict[str, int], int]:
    """Archive the journals last written to before that time: earlier ones, new ones, number of new facts."""
    archived = fetch_archived(ledger_dir, shared) if shared else _load(ledger_dir)
    fresh = _quiet_journals(ledger_dir, archived, before)
    return archived, fresh, _archive(ledger_dir, shared, fresh) if fresh else 0


def _quiet_journals(ledger_dir: Path, archived: Archived, before: float) -> dict[str, int]:
    """The journals to archive, with their sizes before reading: at least that much will be read."""
    sizes = {}
    for path in (ledger_dir / "journal").glob("*T*/*.jsonl"):
        status, name = path.stat(), f"{path.parent.name}/{path.name}"
        if status.st_mtime <= before and status.st_size != archived.get(name, (-1, 0.0))[0]:
            sizes[name] = status.st_size
    return sizes


def _archive(ledger_dir: Path, shared: SharedFiles | None, journals: dict[str, int]) -> int:
    """Publish the events that are not in the archive yet; returns their number."""
    files = "[" + ", ".join(glob_literal(ledger_dir / "journal", name) for name in sorted(journals)) + "]"
    queries, facts = {}, 0
    with connect(shared) as connection:
        for event_type in EVENT_TYPES:
            kind, names = event_type.kind, ", ".join(columns_of(event_type))
            parts = glob_literal(archive_of(ledger_dir, shared), f"part-*/{kind}.parquet")
            connection.execute(
                f"CREATE TABLE {kind} AS SELECT {names} FROM ({journal_rows(event_type, files)}) AS live\n"
                f"WHERE event_id NOT IN (SELECT event_id FROM read_parquet({parts}, union_by_name = true))"
            ).fetchall()
            ((count,),) = connection.execute(f"SELECT count(*) FROM {kind}").fetchall()
            if count:
                queries[kind] = f"SELECT * FROM {kind} ORDER BY recorded_at"
                facts += count
        if queries:
            name = f"part-{utc_now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
            publish_part(ledger_dir / "archive" / name, queries, connection, shared)
        keep_damaged(ledger_dir, damaged_journals(connection, files))
    return facts


def _retire(ledger_dir: Path, archived: Archived, now: datetime, grace_seconds: float) -> list[str]:
    """Remove journal folders that have been archived for long enough; returns their names."""
    retired, before = [], now.timestamp() - grace_seconds
    for folder in sorted((ledger_dir / "journal").glob("*T*")):
        if folder.name < now.strftime(HOUR_FORMAT) and _is_archived(folder, archived, before):
            aside = ledger_dir / f".retired-{folder.name}-{time.time_ns()}"
            folder.rename(aside)  # readers see the whole folder or none of it
            if not _is_archived(aside, archived, before, name=folder.name):
                aside.rename(folder)  # it was written to in the meantime
                continue
            shutil.rmtree(aside)
            retired.append(folder.name)
    return retired


def _forget(archived: Archived, retired: list[str], now: datetime, shared: SharedFiles | None) -> None:
    """Remove retired journals from the shared files; other hosts have to know for a while what they held."""
    for folder in retired if shared else ():
        assert shared is not None
        for name, stored in shared.list(f"{JOURNALS}/{folder}").items():
            if archived.get(f"{folder}/{name}", (-1, 0.0))[0] == stored.size:
                shared.delete(f"{JOURNALS}/{folder}/{name}")
    oldest = f"{now - REMEMBERED:{HOUR_FORMAT}}"
    for name in list(archived):
        hour = name.partition("/")[0]
        if hour < oldest if shared else hour in retired:
            del archived[name]


def _is_archived(folder: Path, archived: Archived, before: float, *, name: str = "") -> bool:
    for path in folder.iterdir():
        size, when = archived.get(f"{name or folder.name}/{path.name}", (-1, 0.0))
        if when > before or path.stat().st_size != size:
            return False
    return True


def _load(ledger_dir: Path) -> Archived:
    path = ledger_dir / ARCHIVED
    try:
        return {name: (size, when) for name, (size, when) in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, OSError):
        log.warning("%s cannot be read; all journals are compared with the archive again", path)
        return {}


def _save(ledger_dir: Path, archived: Archived, shared: SharedFiles | None) -> None:
    write_text(ledger_dir / ARCHIVED, json.dumps(archived, indent=0))
    if shared:
        shared.send(ledger_dir / ARCHIVED, f"ledger/{ARCHIVED}")


def _settle(ledger_dir: Path, now: datetime) -> None:
    """Keep figures of all that is archived, then merge parts, which changes no fact."""
    try:
        keep_figures(ledger_dir)
    except duckdb.Error as error:  # they only save work
        log.warning("no figures are kept: %s", error)
    if merge_parts(ledger_dir, now):
        note_parts(ledger_dir)


def _recover(ledger_dir: Path, now: float) -> None:
    """Restore journals and delete incomplete parts that a killed compactor left."""
    remove_unfinished(ledger_dir)
    for aside in ledger_dir.glob(".retired-*"):
        folder = ledger_dir / "journal" / aside.name.split("-")[1]
        folder.mkdir(exist_ok=True)
        for path in aside.iterdir():
            path.rename(folder / path.name)
        aside.rmdir()
    for hidden in (ledger_dir / "archive").glob(".tmp-*"):
        if hidden.stat().st_mtime < now - 3600:
            shutil.rmtree(hidden, ignore_errors=True)
