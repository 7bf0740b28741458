"""Each process of a crew in a control group of its part, so that the kernel counts the part's CPU seconds.

A process is recognised by its command line as soon as the kernel tells of it, and what it starts belongs to
its part until it is recognised itself. The sum over all parts is exact; between parts, the first millisecond
of a process can count to the one that started it.
"""

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from benchmarks.cpu_group import CpuGroup
from benchmarks.task_cost.events import Executed, Forked, ProcessEvents

ENGINE, SERVER, POSTGRES, WORKER, FLOW = "engine", "server", "postgres", "worker", "flow"
AGENT, RIG, BLIND, MYPY, OTHER = "agent", "rig", "blind runs", "mypy", "other sandboxes"
PARTS = (ENGINE, SERVER, POSTGRES, WORKER, FLOW, AGENT, RIG, BLIND, MYPY, OTHER)
_AGENT_PARENT, _ZYGOTE = "confinement.forking.parent", "nightcrew.worker.zygote"
_RIG_PARENT, _BLIND_PARENT = (
    "-P -s -c import sys; sys.path.insert(0, '/opt/nightcrew/loaded'",
    "/opt/nightcrew/loaded",
)
SERVICES = (SERVER, POSTGRES, WORKER)
# The first that fits counts. bubblewrap shows the command of its sandbox among its own words.
_WORDS = (
    (_AGENT_PARENT, WORKER),
    (_ZYGOTE, WORKER),
    ("nightcrew.worker.start", WORKER),
    ("prefect worker start", WORKER),
    ("nightcrew.worker.server", SERVER),
    ("prefect server", SERVER),
    ("prefect.server", SERVER),
    ("postgres", POSTGRES),
    ("prefect.engine", FLOW),
    ("openhands.inside.client", AGENT),
    ("nightcrew_rig", RIG),
    ("-m pytest", BLIND),
    ("-m mypy", MYPY),
    ("bubblewrap", OTHER),
)
# Of these too; the start of the latter two is paid once for all verdicts in an environment.
_FORKS = {_RIG_PARENT: RIG, _BLIND_PARENT: BLIND, _AGENT_PARENT: AGENT, _ZYGOTE: FLOW}
_SAMPLE_SECONDS = 0.05
_FRESH_SECONDS = 2.0


class CpuParts:
    """A context manager that sorts processes. Put the first one into it with `take`."""

    def __init__(self, name: str) -> None:
        self._groups = {part: CpuGroup(f"{name}-{part.replace(' ', '-')}") for part in PARTS}
        self._mark = f"nightcrew-benchmark-{name}-"
        self._resources = ExitStack()
        self._parents: dict[int, str] = {}
        self._fresh: dict[int, tuple[float, str]] = {}
        self._over = threading.Event()
        self._flow: list[tuple[float, float]] = []

    def __enter__(self) -> Self:
        for group in self._groups.values():
            self._resources.enter_context(group)
        events = self._resources.enter_context(ProcessEvents())
        for act in (lambda: self._sort(events), self._sample):
            threading.Thread(target=act, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._resources.close()

    def take(self, pid: int) -> None:
        """Count this process, and all that it starts."""
        self._groups[ENGINE].take(pid)

    def seconds(self) -> Mapping[str, float]:
        """What each part has taken so far."""
        return {part: group.seconds() for part, group in self._groups.items()}

    def pss_mb(self) -> Mapping[str, float]:
        """The proportional size of each part's running processes."""
        return {part: sum(map(_proportional_mb, group.pids())) for part, group in self._groups.items()}

    def flow_between(self, start: float, end: float) -> float:
        """CPU seconds of the flow's own processes between two moments (`time.time()`)."""
        return self._at(end) - self._at(start)

    # ----------------------------------------------------------------------------------------------------

    def _at(self, moment: float) -> float:
        return max((seconds for when, seconds in self._flow if when <= moment), default=0.0)

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            with suppress(OSError):
                self._flow.append((time.time(), self._groups[FLOW].seconds()))

    def _sort(self, events: ProcessEvents) -> None:
        for event in events:
            if isinstance(event, Forked):
                self._put_child(event)
            elif self._is_ours(event.pid):
                self._put(event)

    def _put_child(self, event: Forked) -> None:
        """A child of a process that forks others' parts; and its own first children, if it was quicker."""
        now = time.monotonic()
        part = self._parents.get(event.parent)
        began, inherited = self._fresh.get(event.parent, (0.0, ""))
        if part is None and now - began < _FRESH_SECONDS:
            part = inherited
        if part:
            self._groups[part].take(event.pid)
            self._fresh[event.pid] = (now, part)

    def _put(self, event: Executed) -> None:
        self._fresh.pop(event.pid, None)
        with suppress(OSError):
            words = (
                Path(f"/proc/{event.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
            for word, part in _WORDS:
                if word in words:
                    self._groups[part].take(event.pid)
                    break
            for word, part in _FORKS.items():
                if word in words and "python" in words.split()[0]:  # not bubblewrap, which starts it
                    self._parents[event.pid] = part
                    break

    def _is_ours(self, pid: int) -> bool:
        with suppress(OSError):
            return self._mark in Path(f"/proc/{pid}/cgroup").read_text()
        return False


def _proportional_mb(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
