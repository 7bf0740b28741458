"""Exchanges journals with the other hosts of a crew: each host has all of them on its own disk.

A journal only grows and has one writer, so the longer copy is the newer one. A journal that has gone from the
shared files was archived; this host's copy goes too, unless it has more than what was archived.
"""

import fcntl
import json
from contextlib import suppress
from pathlib import Path

from nightcrew.shared_files import SharedFiles

ARCHIVED = "archived.json"
ARCHIVE = "ledger/archive"
"""The shared folder of the parts, if several hosts have one ledger."""
JOURNALS = "ledger/journal"
VERSION = "ledger/version"
_LOCK = "exchange.lock"

type Archived = dict[str, tuple[int, float]]  # journal, relative to journal/ -> size and time when archived


def exchange_journals(ledger_dir: Path, shared: SharedFiles) -> None:
    """Send what this host has recorded, and fetch what others have.

    Raises:
        StoreDown: the shared files cannot be reached; facts wait on this host's disk.
    """
    ledger_dir.mkdir(parents=True, exist_ok=True)
    with (ledger_dir / _LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _exchange_version(ledger_dir, shared)
        there = {name: stored.size for name, stored in shared.list(JOURNALS).items()}
        here = _journals(ledger_dir)
        if here.keys() - there.keys():
            archived = fetch_archived(ledger_dir, shared)
            for name in here.keys() - there.keys():
                if archived.get(name, (-1, 0.0))[0] == here[name]:
                    _forget(ledger_dir, name)
                    del here[name]
        for name, size in here.items():
            if size > there.get(name, -1):
                shared.send(ledger_dir / "journal" / name, f"{JOURNALS}/{name}")
        for name, size in there.items():
            if size > here.get(name, -1):
                shared.fetch(f"{JOURNALS}/{name}", ledger_dir / "journal" / name)


def fetch_archived(ledger_dir: Path, shared: SharedFiles) -> Archived:
    """What any host has archived, journals included that were removed since."""
    path = ledger_dir / ARCHIVED
    path.unlink(missing_ok=True)
    shared.fetch(f"ledger/{ARCHIVED}", path)
    try:
        return {name: (size, when) for name, (size, when) in json.loads(path.read_text()).items()}
    except (ValueError, TypeError, FileNotFoundError):
        return {}


# ---------------------------------------------------------------------------------------------------------


def _journals(ledger_dir: Path) -> dict[str, int]:
    """This host's journals and their sizes."""
    found = (ledger_dir / "journal").glob("*T*/*.jsonl")
    return {f"{path.parent.name}/{path.name}": path.stat().st_size for path in found}


def _forget(ledger_dir: Path, name: str) -> None:
    path = ledger_dir / "journal" / name
    path.unlink(missing_ok=True)
    with suppress(OSError):  # others are there
        path.parent.rmdir()


def _exchange_version(ledger_dir: Path, shared: SharedFiles) -> None:
    """The later version of the facts counts for all hosts."""
    path, there = ledger_dir / "version", ledger_dir / ".version-of-others"
    there.unlink(missing_ok=True)
    shared.fetch(VERSION, there)
    ours, theirs = _number(path), _number(there)
    if ours > theirs:
        shared.send(path, VERSION)
    elif theirs > ours:
        there.replace(path)
    there.unlink(missing_ok=True)


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0
