"""Temporary folders that are removed after use, or by the next process if their own was killed.

The owner holds a lock on a file in the folder; if the lock is free, the owner has ended.
"""

import fcntl
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nightcrew.execution.checkout.removal import remove_tree

log = logging.getLogger(__name__)

_LOCK = ".owner"
_PREFIX = "nightcrew-"
_UNNAMED = ".new-"


@contextmanager
def work_folder(parent: Path, name: str) -> Iterator[Path]:
    """A new folder in `parent` with the prefix `name`; folders of dead owners are removed first."""
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(parent)
    folder = parent / f"{name}-{uuid.uuid4().hex[:8]}"
    unnamed = parent / f"{_UNNAMED}{folder.name}"
    unnamed.mkdir(mode=0o700)
    try:
        with _owned(unnamed):
            unnamed.rename(folder)  # so that a folder with a name has an owner's file
            yield folder
    finally:
        remove_tree(unnamed)
        remove_tree(folder)


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """A new, empty folder with a short path among the system's temporary files, for us alone."""
    around = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{name}-"))
    try:
        with _owned(around):
            folder = around / "in"
            folder.mkdir(mode=0o700)
            yield folder
    finally:
        shutil.rmtree(around, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the folders in `parent` whose owners have ended; those of running processes stay."""
    for lock in parent.glob(f"*/{_LOCK}"):
        _remove_abandoned(lock)


def sweep_unowned(parent: Path) -> None:
    """The same, and those without an owner's file: versions before this one left such."""
    sweep(parent)
    for folder in [path for path in parent.glob("*/") if not path.name.startswith(_UNNAMED)]:
        if not folder.is_symlink() and not (folder / _LOCK).exists():
            log.warning("removing %s, which has no owner", folder)
            with suppress(OSError):
                remove_tree(folder)


def sweep_temporary() -> None:
    """The same among the system's temporary files, where others have theirs too."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError):
            # A link, or what belongs to another user, is none of ours, whatever its name.
            if not lock.parent.is_symlink() and lock.parent.stat().st_uid == os.geteuid():
                _remove_abandoned(lock)


# ---------------------------------------------------------------------------------------------------------


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    with (folder / f"{_LOCK}.new").open("w") as lock:
        # Locked before it gets its name, so that it never looks abandoned while its owner is running.
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / f"{_LOCK}.new").rename(folder / _LOCK)
        yield


def _remove_abandoned(lock: Path) -> None:
    with suppress(OSError), lock.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        log.warning("removing %s, whose owner has ended", lock.parent)
        remove_tree(lock.parent)
