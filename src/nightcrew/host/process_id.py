"""The identity of a process: its pid and its start, which tells it from a later one with the same pid."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process; `started` is in seconds since the machine's start, plus a number of that start.

    The clock does not count, because a corrected clock would make every process another one.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """The process with this pid; `started` is 0 if there is none."""
        return cls(pid, _started(pid) or 0.0)

    def find(self) -> psutil.Process | None:
        """The running process; None if it has ended."""
        started = _started(self.pid)
        if started is None or abs(started - self.started) > 0.2:
            return None
        try:
            process = psutil.Process(self.pid)
            return process if process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


@cache
def this_process() -> ProcessId:
    """The process that calls."""
    return ProcessId.of(os.getpid())


os.register_at_fork(after_in_child=this_process.cache_clear)


# ---------------------------------------------------------------------------------------------------------


def _started(pid: int) -> float | None:
    """When a process started, see `ProcessId`; None if there is none. psutil's time moves with the clock."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2]
        boot = int(_BOOT_ID.read_text()[:5], 16)
    except (OSError, ValueError):
        return None
    return boot * 1e8 + int(after_name.split()[19]) / _TICKS  # a float keeps hundredths of these seconds
