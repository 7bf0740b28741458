"""Merges the archive's parts, so that opening the ledger costs the same however long it has grown.

Parts of a day become one once the day is over, those of a month once the month is. The archive is changed as
a whole: a copy of it, with hard links to the parts that stay, takes its place by one exchange of names.
Readers see the old parts or the new ones; whoever listed old ones asks again. A compactor that is killed
leaves either archive whole, and the other one is removed by the next.
"""

# ruff: noqa: S608 - built from our own names; every text from outside goes through `literal`

import ctypes
import logging
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from nightcrew.ledger.events import EVENT_TYPES
from nightcrew.ledger.files import connect, publish_part
from nightcrew.ledger.journal import sync_folder
from nightcrew.ledger.schema import columns_of, literal

log = logging.getLogger(__name__)

MOST_BYTES = 512 * 1024 * 1024
"""Larger parts stay as they are: one scan of them costs what it costs."""

_NEXT = "archive-next"
_AT_CWD, _EXCHANGE = -100, 2


def merge_parts(ledger_dir: Path, now: datetime) -> int:
    """Merge what is ready; returns the number of parts that are gone. Hold the compactor's lock.

    Does nothing where the file system cannot exchange two names at once.
    """
    archive = ledger_dir / "archive"
    groups = _ready([path for path in archive.glob("part-*") if path.is_dir()], now)
    if not groups or not _can_exchange(ledger_dir):
        return 0
    following = ledger_dir / _NEXT
    shutil.rmtree(following, ignore_errors=True)
    following.mkdir()
    merged = {part.name for parts in groups.values() for part in parts}
    for part in archive.glob("part-*"):
        if part.name not in merged:
            _link(part, following / part.name)
    for name, parts in groups.items():
        _write(following / name, parts)
    sync_folder(following)
    _exchange(archive, following)
    sync_folder(ledger_dir)
    shutil.rmtree(following)
    gone = len(merged) - len(groups)
    log.info("merged %d parts of the ledger into %d", len(merged), len(groups))
    return gone


def remove_unfinished(ledger_dir: Path) -> None:
    """Remove what a killed merge left: a copy that was not finished, or the former archive."""
    shutil.rmtree(ledger_dir / _NEXT, ignore_errors=True)


# ---------------------------------------------------------------------------------------------------------


def _ready(parts: Sequence[Path], now: datetime) -> Mapping[str, Sequence[Path]]:
    """The parts to merge, by the name of what they become: months that are over, then days that are over."""
    today, month = f"{now:%Y%m%d}", f"{now:%Y%m}"
    groups: dict[str, list[Path]] = {}
    for part in sorted(parts):
        found = re.match(r"part-(\d{6})(\d{2})?", part.name)
        if found is None or sum(file.stat().st_size for file in part.iterdir()) > MOST_BYTES:
            continue
        if found[1] < month:
            groups.setdefault(f"part-{found[1]}", []).append(part)
        elif found[2] and found[1] + found[2] < today:
            groups.setdefault(f"part-{found[1]}{found[2]}", []).append(part)
    return {name: group for name, group in groups.items() if len(group) > 1}


def _write(part: Path, parts: Sequence[Path]) -> None:
    """One part with the rows of several."""
    with connect() as connection:
        connection.execute("SET preserve_insertion_order = false")
        queries = {}
        for event_type in EVENT_TYPES:
            files = [file for one in parts if (file := one / f"{event_type.kind}.parquet").is_file()]
            if files:
                names = ", ".join(columns_of(event_type))
                listed = ", ".join(map(literal, files))
                queries[event_type.kind] = (
                    f"SELECT {names} FROM read_parquet([{listed}], union_by_name = true)"
                )
        publish_part(part, queries, connection)


def _link(part: Path, target: Path) -> None:
    target.mkdir()
    for file in part.iterdir():
        os.link(file, target / file.name)
    sync_folder(target)


def _can_exchange(ledger_dir: Path) -> bool:
    """Try it with two empty folders, beside the archive and so on its file system."""
    first, second = ledger_dir / ".exchange-1", ledger_dir / ".exchange-2"
    first.mkdir(exist_ok=True)
    second.mkdir(exist_ok=True)
    try:
        _exchange(first, second)
    except (OSError, AttributeError):
        return False
    finally:
        first.rmdir()
        second.rmdir()
    return True


def _exchange(first: Path, second: Path) -> None:
    """Exchange two names at once (Linux: renameat2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_CWD, os.fsencode(first), _AT_CWD, os.fsencode(second), _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(first))
