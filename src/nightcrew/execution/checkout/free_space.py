"""Detects a full disk, so that failures caused by it are not blamed on a model."""

import errno
import shutil
from pathlib import Path

LEAST_FREE_BYTES = 64 * 1024**2  # an attempt needs at least this much


def is_full(folder: Path) -> bool:
    """True if the file system of `folder`, or of its nearest existing parent, has too little free space."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free < LEAST_FREE_BYTES


def was_full(error: BaseException | None) -> bool:
    """True if `error` or one of its causes reports a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        error = error.__cause__
    return False
