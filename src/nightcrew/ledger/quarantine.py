"""Sets damaged files of the ledger aside in `quarantine/`, so that one of them does not hide all the others.

A damaged line of a journal costs only itself: views skip it, and the compactor keeps a copy of its file. A
Parquet file that cannot be read makes every query fail, so it is moved away. Nothing is ever deleted here.
"""

# ruff: noqa: S608 - built from our own names; every text from outside goes through `literal`

import errno
import fcntl
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from nightcrew.ledger.files import connect
from nightcrew.ledger.schema import journal_lines, literal
from nightcrew.ledger.sharing import ARCHIVE, ARCHIVED
from nightcrew.shared_files import SharedFiles

log = logging.getLogger(__name__)

FOLDER = "quarantine"
LOCK = "compactor.lock"
_OF_THE_FILE = frozenset({errno.EIO, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.EUCLEAN})
"""Errors of one file; others (it has gone, too many files are open) say nothing about it."""


@contextmanager
def locked(ledger_dir: Path, *, wait: bool) -> Iterator[bool]:
    """Be the only process that changes the archive; yields False if there is one and we do not `wait`."""
    with (ledger_dir / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def set_unreadable_aside(ledger_dir: Path, shared: SharedFiles | None = None) -> Sequence[Path]:
    """Move every file that cannot be read to `quarantine/`; returns their new paths. Hold the lock.

    Journals that are still there are archived again, because the archive has lost facts.
    """
    if shared:
        _fetch_broken(ledger_dir, shared)
    parts = [
        file for file in sorted((ledger_dir / "archive").glob("part-*/*.parquet")) if not _is_parquet(file)
    ]
    journals = [file for file in sorted((ledger_dir / "journal").glob("*/*.jsonl")) if not _is_readable(file)]
    moved = [_move(ledger_dir, file) for file in (*parts, *journals)]
    for seed in {file.parent for file in parts if file.parent.name.startswith("part-0-")}:
        shutil.rmtree(seed)  # it has no facts, and `prepare` only makes a whole one
    if parts:
        (ledger_dir / ARCHIVED).unlink(missing_ok=True)
    return moved


def keep_damaged(ledger_dir: Path, damaged: Sequence[Path]) -> None:
    """Copy journals with damaged lines to `quarantine/`, before they are retired."""
    for journal in damaged:
        copy = _place(ledger_dir, journal)
        shutil.copy2(journal, copy)
        log.error("%s has damaged lines, which are not in the ledger; it is kept as %s", journal, copy)


def damaged_journals(connection: duckdb.DuckDBPyConnection, files: str) -> Sequence[Path]:
    """Those of the journals (a glob or list in SQL) that have damaged lines.

    An incomplete last line is none: its writer was killed before it could rely on it.
    """
    found = connection.execute(
        f"SELECT DISTINCT filename FROM ({journal_lines(files, but_last=True)})\n"
        "WHERE line <> '' AND NOT (json_valid(line) AND starts_with(line, '{\"kind\":\"'))\n"
        "ORDER BY filename"
    ).fetchall()
    return [Path(name) for (name,) in found]


def quarantined(ledger_dir: Path) -> Sequence[Path]:
    """The files in `quarantine/`."""
    return sorted((ledger_dir / FOLDER).glob("*"))


# --- private ----------------------------------------------------------------------------------------------

_WHOLE = "SELECT bit_xor(hash(t)) FROM read_parquet({}) AS t"


def _fetch_broken(ledger_dir: Path, shared: SharedFiles) -> None:
    """Replace the local archive by the shared parts that cannot be read; they are taken out of the latter."""
    for name in shared.list(ARCHIVE):
        place, file = shared.place(f"{ARCHIVE}/{name}"), ledger_dir / "archive" / name
        try:
            with connect(shared) as connection:
                connection.execute(_WHOLE.format(literal(place))).fetchall()
        except (duckdb.InvalidInputException, duckdb.SerializationException, duckdb.DataError) as error:
            log.error("%s cannot be read: %s", place, str(error).splitlines()[0])
            shared.fetch(f"{ARCHIVE}/{name}", file)
            shared.delete(f"{ARCHIVE}/{name}")
            shared.delete(f"ledger/{ARCHIVED}")
        except duckdb.Error:
            log.info("%s was not checked", place, exc_info=True)


def _is_parquet(file: Path) -> bool:
    """True if all of its pages can be read; its footer alone says little."""
    try:
        with duckdb.connect(":memory:") as connection:  # of its own, because some errors make it useless
            connection.execute(_WHOLE.format(literal(file))).fetchall()
    except (duckdb.IOException, duckdb.OutOfMemoryException):
        return _is_readable(file)  # the machine may lack something, while the file is as it should be
    except duckdb.Error as error:
        log.error("%s cannot be read: %s", file, str(error).splitlines()[0])
        return False
    return True


def _is_readable(file: Path) -> bool:
    try:
        file.read_bytes()
    except OSError as error:
        if error.errno not in _OF_THE_FILE:
            return True
        log.error("%s cannot be read: %s", file, error)
        return False
    return True


def _move(ledger_dir: Path, file: Path) -> Path:
    aside = _place(ledger_dir, file)
    file.rename(aside)
    return aside


def _place(ledger_dir: Path, file: Path) -> Path:
    folder = ledger_dir / FOLDER
    folder.mkdir(exist_ok=True)
    return folder / f"{file.parent.name}--{file.name}"
