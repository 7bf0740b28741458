"""Limits the inodes of a sandbox's in-memory file systems, or watches them."""

import ctypes
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from nightcrew.execution.confinement.confinement import Reading

_INODE_BYTES = 2048  # that each takes in the kernel


class ScratchSpace:
    """The scratch folders of a running sandbox, accessed from outside; a context manager.

    `bubblewrap` limits their bytes but not their inodes, each of which takes about 2 KiB in the kernel. Root
    sets that limit on the mounted file system; for an ordinary user, the supervisor watches the number.
    """

    def __init__(self, pid: int, inodes: Mapping[str, int]) -> None:
        self._pid, self._most = pid, inodes
        self._folders: dict[int, int] = {}

    def __enter__(self) -> Self:
        """Open the folders; none if the sandbox has ended already."""
        with suppress(OSError):
            for folder, most in self._most.items():
                descriptor = os.open(f"/proc/{self._pid}/root{folder}", os.O_PATH | os.O_CLOEXEC)
                self._folders[descriptor] = most
                if Path(folder).exists() and os.fstat(descriptor).st_dev == Path(folder).stat().st_dev:
                    raise OSError(f"{folder} is the host's")  # the process is no longer confined
                _limit_inodes(descriptor, most)
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._folders:
            os.close(descriptor)

    @property
    def used_bytes(self) -> int:
        """The memory used by the files, in bytes."""
        status = map(os.statvfs, self._folders)
        return sum((entry.f_blocks - entry.f_bfree) * entry.f_frsize for entry in status)

    def over(self) -> Reading:
        """Whether there are more files than allowed."""
        status = {descriptor: os.statvfs(descriptor) for descriptor in self._folders}
        files = {descriptor: one.f_files - one.f_ffree for descriptor, one in status.items()}
        too_many = any(count > self._folders[descriptor] for descriptor, count in files.items())
        return Reading("memory" if too_many else None, sum(files.values()) * _INODE_BYTES)


# ---------------------------------------------------------------------------------------------------------

_FSCONFIG, _FSPICK = 431, 433  # the same on all processors
_CLOEXEC, _EMPTY_PATH = 1, 8
_SET_STRING, _RECONFIGURE = 1, 7


def _limit_inodes(descriptor: int, most: int) -> None:
    """Set the limit on a mounted file system; without permission, nothing changes."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    picked = call(_FSPICK, descriptor, b"", _CLOEXEC | _EMPTY_PATH)
    if picked < 0:
        return
    try:
        call(_FSCONFIG, picked, _SET_STRING, b"nr_inodes", str(most).encode(), 0)
        call(_FSCONFIG, picked, _RECONFIGURE, None, None, 0)
    finally:
        os.close(picked)
