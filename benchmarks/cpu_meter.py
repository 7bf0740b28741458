"""CPU seconds of process trees, from /proc, including processes that end or are orphaned.

A sandbox's first process often outlives its parent by a moment, and its time would then be lost. The meter
makes this process adopt orphans, so that they are counted.
"""

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

SECONDS = 0.1
AGENT = "nightcrew.openhands.inside.client"
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


@dataclass
class CpuMeter:
    """Watches the worker's tree while it is entered.

    `curves` holds CPU over time for each process that is not in a sandbox, `agent` and `validation` the CPU
    of sandboxes by their content; one that ended between two looks counts as validation.
    """

    worker: int
    curves: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    agent: float = 0.0
    validation: float = 0.0
    _kinds: dict[int, str] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    @staticmethod
    def adopt_orphans() -> None:
        """Adopt orphans from now on; call it before the services are started."""
        if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, name="cpu-meter", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._bury()

    def between(self, pid: int, start: float, end: float) -> float:
        """CPU seconds of a process and the children it waited for, between two times (`time.time()`)."""
        return self._at(pid, end) - self._at(pid, start)

    # ----------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._over.wait(SECONDS):
            for pid in tree(self.worker):
                if (known := stat(pid)) is not None:
                    self.curves.setdefault(pid, []).append((time.time(), known.total))
                    self._recognise(pid)
            self._bury()

    def _recognise(self, parent: int) -> None:
        """Find out what runs in the sandboxes that `parent` started."""
        for monitor in children(parent):
            for pid in (monitor, *children(monitor)):
                if pid not in self._kinds and (known := stat(pid)) is not None and known.name == "bwrap":
                    with suppress(OSError):
                        words = Path(f"/proc/{pid}/cmdline").read_text()
                        self._kinds[pid] = "agent" if AGENT in words else "validation"

    def _bury(self) -> None:
        """Count and remove the first processes of sandboxes that have ended."""
        for pid in list(children(os.getpid())):
            known = stat(pid)
            if known is None or known.state != "Z" or known.name != "bwrap":
                continue
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if self._kinds.pop(pid, "validation") == "agent":
                self.agent += known.total
            else:
                self.validation += known.total

    def _at(self, pid: int, moment: float) -> float:
        """CPU seconds of a process at a time, interpolated between two measurements."""
        curve = self.curves.get(pid, [])
        before = max((point for point in curve if point[0] <= moment), default=None)
        after = min((point for point in curve if point[0] > moment), default=None)
        if before is None or after is None:
            return (before or after or (0.0, 0.0))[1]
        share = (moment - before[0]) / (after[0] - before[0])
        return before[1] + share * (after[1] - before[1])
