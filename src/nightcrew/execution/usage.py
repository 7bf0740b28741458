"""What a process tree and a folder use at this moment, read from outside."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
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
    """Memory of the tree. Resident sizes; where they pass `enough`, shared pages are split fairly."""
    pids = list(tree_pids(root))
    resident = sum(_resident(pid) for pid in pids)
    return resident if resident <= enough else sum(_proportional(pid) for pid in pids)


def folder_bytes(folder: Path) -> int:
    """Disk space of everything below `folder`, links not followed; unreadable parts count nothing."""
    total, waiting = 0, [os.fspath(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    total += _ENTRY_BYTES + entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total


class FreeSpace:
    """Free space of the file systems under some folders: cheap enough to ask twenty times a second."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self.reset()

    def reset(self) -> None:
        """Count from now on."""
        self._start = self._free()

    def lost(self) -> int:
        """Bytes that went since the last reset, whoever used them."""
        return max((was - now for was, now in zip(self._start, self._free(), strict=True)), default=0)

    def _free(self) -> list[int]:
        found = []
        for folder in self._folders:
            status = os.statvfs(folder)
            found.append(status.f_bfree * status.f_frsize + status.f_ffree * _ENTRY_BYTES)
        return found


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
