"""CPU seconds of process trees, from /proc.

A sandbox's first process often outlives its parent by a moment, and its time would then be lost: a process
that measures adopts orphans.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stat:
    """A process's own CPU seconds, and those of its ended children that were waited for."""

    name: str
    state: str
    own: float
    waited_for: float

    @property
    def total(self) -> float:
        return self.own + self.waited_for


def stat(pid: int) -> Stat | None:
    """The process's figures; None if there is no such process."""
    with suppress(OSError, IndexError):
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
        fields = rest.split()
        ticks = [int(value) / _TICKS for value in fields[11:15]]
        return Stat(name, fields[0], ticks[0] + ticks[1], ticks[2] + ticks[3])
    return None


def children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                yield from map(int, (thread / "children").read_text().split())


def tree(pid: int) -> Iterator[int]:
    """`pid` and its descendants, without those in a sandbox."""
    yield pid
    for child in children(pid):
        known = stat(child)
        if known is not None and known.name != "bwrap":
            yield from tree(child)


def tree_seconds(pid: int) -> float:
    """CPU seconds of a tree so far: of running processes, and of all children they waited for."""
    return sum(known.total for process in tree(pid) if (known := stat(process)) is not None)


def busy_seconds() -> float:
    """CPU seconds of the whole machine so far, without idle and stolen time."""
    user, nice, system, _idle, _waiting, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS


def adopt_orphans() -> None:
    """Adopt the processes that outlive their parent from now on, so that their time is counted here."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
