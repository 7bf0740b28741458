"""What a process tree and a folder use at this moment, read from outside."""

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from nightcrew.execution.confinement.confinement import MIB, KilledBy, Limits
from nightcrew.execution.confinement.scratch import ScratchSpace

_PAGE = os.sysconf("SC_PAGE_SIZE")
TOO_MUCH = 1 << 62
_DISK_SECONDS = 5.0  # what grows quickly is seen by the space that it takes
_LEAST_FREE_BYTES = 256 * MIB
_ENTRY_BYTES = 1024  # what an empty file costs the file system: an inode and a name


def tree_pids(root: int) -> Iterator[int]:
    """`root` and everything that descends from it; orphans stay in, as their namespace's init adopts them."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        with suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - hot path
                waiting.extend(map(int, _read(f"/proc/{pid}/task/{task}/children").split()))


def tree_bytes(root: int, enough: int) -> int:
    """Memory of the tree: resident sizes; past `enough`, what processes share is split between them."""
    pids = list(tree_pids(root))
    resident = sum(_resident(pid) for pid in pids)
    return resident if resident <= enough else sum(_proportional(pid) for pid in pids)


def socket_bytes(pid: int) -> int:
    """The most that the sockets of the process's network namespace can hold in their buffers."""
    for line in _read(f"/proc/{pid}/net/sockstat").splitlines():
        if line.startswith("sockets: used"):
            return int(line.split()[2]) * 2 * int(_read("/proc/sys/net/core/wmem_max") or 0)
    return 0


def folder_bytes(folder: Path, enough: int = TOO_MUCH) -> int:
    """Disk space of everything below `folder`, links not followed.

    Stops counting once it passes `enough`: a folder may grow as fast as it is read. Folders nested too deep
    to be named count as too much, as nobody could see what is in them.
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
            # Anything else went away meanwhile, or is closed to us.
            if error.errno == errno.ENAMETOOLONG:
                return TOO_MUCH
    return total


def nameless_bytes(root: int, folders: Sequence[Path]) -> int:
    """Disk space of files on the folders' file systems that the tree holds open and that have no name."""
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
    """Disk space of one file or folder by itself."""
    with suppress(FileNotFoundError):
        return _ENTRY_BYTES + entry.stat(follow_symlinks=False).st_blocks * 512
    return 0


class FreeSpace:
    """Free space of the file systems under some folders: cheap enough to ask twenty times a second."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._floors = [min(_LEAST_FREE_BYTES, free // 2) for free in self._free()]
        self.reset()

    def reset(self) -> None:
        """Count from now on."""
        self._start = self._free()

    def lost(self) -> int:
        """Bytes that went since the last reset, whoever used them."""
        return max((was - now for was, now in zip(self._start, self._free(), strict=True)), default=0)

    def is_nearly_gone(self) -> bool:
        """Whether there is so little left that the whole machine would suffer."""
        return any(free < floor for free, floor in zip(self._free(), self._floors, strict=True))

    def _free(self) -> list[int]:
        found = []
        for folder in self._folders:
            status = os.statvfs(folder)
            found.append(status.f_bfree * status.f_frsize + status.f_ffree * _ENTRY_BYTES)
        return found


class Memory:
    """What a tree, its files in memory and its sockets take, where no control group counts it."""

    def __init__(self, root_pid: int, limits: Limits, scratch: ScratchSpace | None = None) -> None:
        self._root_pid, self._limit, self._scratch = root_pid, limits.memory_bytes, scratch

    def over(self) -> KilledBy | None:
        """Whether it is more than it may be."""
        left = self._limit
        if self._scratch is not None:
            left -= self._scratch.used_bytes + socket_bytes(self._root_pid)
        return "memory" if left < 0 or tree_bytes(self._root_pid, left) > left else None


class Disk:
    """Growth of the writable folders: measured when the file system lost space, and now and then.

    `start` is what they held before the command began; `root_pid` tells its first process, as a file can be
    held open after its name is gone.
    """

    def __init__(
        self, folders: Sequence[Path], limit: int, start: int, root_pid: Callable[[], int | None]
    ) -> None:
        self._folders, self._limit, self._most, self._root_pid = folders, limit, start + limit, root_pid
        self._free = FreeSpace(folders)
        self._due = time.monotonic() + _DISK_SECONDS

    def over(self) -> KilledBy | None:
        """Whether the folders hold more than they may."""
        if self._free.is_nearly_gone():
            return "disk"
        now = time.monotonic()
        if now < self._due and self._free.lost() < self._limit // 4:
            return None
        self._free.reset()
        used = sum(folder_bytes(folder, self._most) for folder in self._folders)
        root = self._root_pid()
        used += nameless_bytes(root, self._folders) if root is not None else 0
        # A walk takes at most a tenth of the time.
        self._due = now + max(_DISK_SECONDS, 10 * (time.monotonic() - now))
        return "disk" if used > self._most else None


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
    """The process's fair share; all that is resident where it hides from us."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return _resident(pid)
