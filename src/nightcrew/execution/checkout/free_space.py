"""Is there room on the disk? Work that ends for want of it says nothing about whoever did it."""

import errno
import shutil
from pathlib import Path

LEAST_FREE_BYTES = 64 * 1024**2  # with less, something of an attempt cannot be written


def is_full(folder: Path) -> bool:
    """True if the file system of `folder`, or of what is there of its path, has too little room to work."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free < LEAST_FREE_BYTES


def was_full(error: BaseException | None) -> bool:
    """True if a full disk is what `error`, or one that it came from, tells of."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        error = error.__cause__
    return False
