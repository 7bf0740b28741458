"""The current resource usage of a process tree and of folders, measured from outside."""

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from nightcrew.execution.confinement.confinement import MIB, Limits, Reading
from nightcrew.execution.confinement.scratch import ScratchSpace

_PAGE = os.sysconf("SC_PAGE_SIZE")
TOO_MUCH = 1 << 62
_DISK_SECONDS = 5.0  # what grows quickly is seen by the space that it takes
_RARELY = 500  # looking into calm folders takes at most this part of the time
_LEAST_FREE_BYTES = 256 * MIB
_ENTRY_BYTES = 1024  # used by an empty file: an inode and a name


def tree_pids(root: int) -> Iterator[int]:
    """`root` and its descendants, orphans included, because their namespace's init adopts them."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        with suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - hot path
                waiting.extend(map(int, _read(f"/proc/{pid}/task/{task}/children").split()))


def tree_bytes(root: int, enough: int) -> int:
    """The tree's memory in bytes: resident sizes, or above `enough` the proportional ones."""
    pids = list(tree_pids(root))
    resident = sum(_resident(pid) for pid in pids)
    return resident if resident <= enough else sum(_proportional(pid) for pid in pids)


def socket_bytes(pid: int) -> int:
    """The most bytes that the buffers of the process's network namespace can hold."""
    for line in _read(f"/proc/{pid}/net/sockstat").splitlines():
        if line.startswith("sockets: used"):
            return int(line.split()[2]) * 2 * int(_read("/proc/sys/net/core/wmem_max") or 0)
    return 0


def folder_bytes(folder: Path, enough: int = TOO_MUCH) -> int:
    """The disk space of everything below `folder` in bytes, without following links.

    Counting stops above `enough`, because a folder may grow as fast as it is read. Folders nested too deep to
    be opened count as too large, because their contents are unknown.
    """
    total, waiting = 0, [os.fspath(folder)]
    while waiting and total <= enough:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += entry_bytes(entry)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError as error:
            # Other entries were deleted in the meantime or are not readable.
            if error.errno == errno.ENAMETOOLONG:
                return TOO_MUCH
    return total


def nameless_bytes(root: int, folders: Sequence[Path]) -> int:
    """The disk space, in bytes, of deleted files on the folders' file systems that the tree keeps open."""
    devices = {folder.stat().st_dev for folder in folders}
    found: dict[tuple[int, int], int] = {}
    for pid in tree_pids(root):
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as descriptors:
            for descriptor in descriptors:
                with suppress(OSError):
                    status = descriptor.stat()
                    if status.st_nlink == 0 and status.st_dev in devices:
                        found[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def entry_bytes(entry: "os.DirEntry[str]") -> int:
    """The disk space of one file or folder in bytes, without its contents."""
    with suppress(FileNotFoundError):
        return _ENTRY_BYTES + entry.stat(follow_symlinks=False).st_blocks * 512
    return 0


class FreeSpace:
    """The free space of folders' file systems; cheap to check."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._floors = [min(_LEAST_FREE_BYTES, free // 2) for free in self._free()]
        self.reset()

    def reset(self) -> None:
        """Count from now on."""
        self._start = self._free()

    def lost(self) -> int:
        """The bytes lost since the last reset, to any process."""
        return max((was - now for was, now in zip(self._start, self._free(), strict=True)), default=0)

    def is_nearly_gone(self) -> bool:
        """True if so little is left that the whole machine is at risk."""
        return any(free < floor for free, floor in zip(self._free(), self._floors, strict=True))

    def _free(self) -> list[int]:
        found = []
        for folder in self._folders:
            status = os.statvfs(folder)
            found.append(status.f_bfree * status.f_frsize + status.f_ffree * _ENTRY_BYTES)
        return found


class Memory:
    """The memory of a tree, its in-memory files and its sockets, if no control group counts it."""

    def __init__(self, root_pid: int, limits: Limits, scratch: ScratchSpace | None = None) -> None:
        self._root_pid, self._limit, self._scratch = root_pid, limits.memory_bytes, scratch

    def over(self) -> Reading:
        """Whether it exceeds the limit."""
        left = self._limit
        if self._scratch is not None:
            left -= self._scratch.used_bytes + socket_bytes(self._root_pid)
        used = tree_bytes(self._root_pid, left) if left >= 0 else 0
        return Reading("memory" if left < 0 or used > left else None, used)


class Disk:
    """The growth of the writable folders, measured when the file system lost space, and periodically.

    `start` is their size before the command started; `root_pid` returns its first process, because deleted
    files can be kept open.
    """

    def __init__(
        self, folders: Sequence[Path], limit: int, start: int, root_pid: Callable[[], int | None]
    ) -> None:
        self._folders, self._limit, self._most, self._root_pid = folders, limit, start + limit, root_pid
        self._free = FreeSpace(folders)
        self._due = time.monotonic() + _DISK_SECONDS

    def over(self) -> Reading:
        """Whether the folders exceed the limit; what is used is the space that their file systems lost."""
        if self._free.is_nearly_gone():
            return Reading("disk")
        now, lost = time.monotonic(), self._free.lost()
        if now < self._due and lost < self._limit // 4:
            return Reading(None, lost)
        self._free.reset()
        used = sum(folder_bytes(folder, self._most) for folder in self._folders)
        root = self._root_pid()
        used += nameless_bytes(root, self._folders) if root is not None else 0
        self._due = now + max(_DISK_SECONDS, _RARELY * (time.monotonic() - now))
        return Reading("disk" if used > self._most else None, used)


# ---------------------------------------------------------------------------------------------------------


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - hot path
            return file.read()
    except OSError:
        return ""


def _resident(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE if len(fields) > 1 else 0


def _proportional(pid: int) -> int:
    """The process's proportional size; its resident size if that cannot be read."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return _resident(pid)
