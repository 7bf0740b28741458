"""A journal: a file of facts with one writer, which loses no acknowledged fact.

`append` returns only after one `write` and one `fdatasync`, so a fact survives `kill -9` of its process and a
power failure. A file has a single writer, so writing needs no lock and is never blocked by readers. There is
one folder per UTC hour, `journal/<hour>/<owner>--<pid>-<random>.jsonl`; a long-lived writer starts a new file
every hour, so that old folders no longer change and can be archived. Only the last line of a file can be
incomplete, because the journal continues in a new file after a failed write. Readers skip an incomplete line.
"""

import os
import re
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

HOUR_FORMAT = "%Y%m%dT%H"


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


class Journal:
    """Appends lines to its own files. Thread-safe, and usable after a fork."""

    def __init__(self, folder: Path, owner: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._folder = folder
        self._owner = re.sub(r"[^A-Za-z0-9._-]+", "-", owner)[:80].lstrip(".") or "unnamed"
        self._clock = clock
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._opened_for = ("", 0)

    def append(self, line: bytes) -> None:
        """Write one line (newline included) durably to disk.

        Raises:
            OSError: the line may not be on disk; append it again later.
        """
        with self._lock:
            descriptor = self._current()
            try:
                if os.write(descriptor, line) != len(line):
                    raise OSError("only a part of the line was written")
                os.fdatasync(descriptor)
            except OSError:
                self._close()
                raise

    def close(self) -> None:
        """Close the file; a later append starts a new one."""
        with self._lock:
            self._close()

    # --- private ------------------------------------------------------------------------------------------

    def _current(self) -> int:
        """The descriptor of this process's file for the current hour."""
        wanted = (self._clock().strftime(HOUR_FORMAT), os.getpid())
        if self._descriptor is None or self._opened_for != wanted:
            self._close()
            self._descriptor = self._open(*wanted)
            self._opened_for = wanted
        return self._descriptor

    def _open(self, hour: str, pid: int) -> int:
        folder = self._folder / hour
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self._folder)
        name = f"{self._owner}--{pid}-{uuid.uuid4().hex[:8]}.jsonl"
        descriptor = os.open(
            folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640
        )
        sync_folder(folder)
        return descriptor

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
