"""Detects a disk that is full, over its quota or read-only, so that no model or task is blamed for it."""

import errno
import os
import re
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

LEAST_FREE_BYTES = 64 * 1024**2  # an attempt needs at least this much
ROOM_BYTES = 4 * LEAST_FREE_BYTES  # with which a crew that had stopped starts again
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
# How programs (git, uv, PostgreSQL) report it; a remote repository's own disk is not ours.
_REPORTED = re.compile(
    "(?<!remote: )(?<!remote: error: )(?<!remote: fatal: )(?:"
    + "|".join(re.escape(os.strerror(number)) for number in sorted(_OF_THE_DISK))
    + ")"
)


def obstacle(folder: Path, *, least_bytes: int = LEAST_FREE_BYTES) -> str:
    """Why files cannot be stored in `folder`, or in its nearest existing parent; empty if they can be.

    A file is written, because quotas, used-up inodes and read-only disks do not show in the free space.
    """
    while not folder.exists():
        folder = folder.parent
    if shutil.disk_usage(folder).free < least_bytes:
        return f"no space is left on the disk of {folder}"
    probe = folder / f".probe-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        probe.write_bytes(b"x" * 4096)
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror}"
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return ""


def full_or_locked(folder: Path) -> str:
    """The same, and nothing else that may be wrong with a folder, such as its permissions."""
    why = obstacle(folder)
    return "" if why.endswith(os.strerror(errno.EACCES)) else why


def was_full(error: BaseException | None) -> bool:
    """True if `error`, one of its causes, or a program that they quote met a full or read-only disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
            return True
        if _REPORTED.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
