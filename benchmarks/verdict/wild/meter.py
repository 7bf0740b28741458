"""The CPU of a verdict by its parts: each sandboxed run counts for the function that asked for it."""

import os
import resource
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import Any

from benchmarks.cpu_group import CpuGroup
from nightcrew.execution.confinement.bubblewrap import Bubblewrap
from nightcrew.execution.sandbox import Completed

_BETWEEN = ("runs.py", "commands.py")  # they run what others ask for
_FOLDERS = ("/nightcrew/validation/", "/nightcrew/execution/environments/")
_WAIT_SECONDS = 2.0


class Metered(Bubblewrap):
    """The sandbox, measuring each run that it starts.

    `parts` holds the number of runs and their CPU seconds, by `module.function`. Runs wait for each other, so
    that the processes that end in between belong to one of them. `group` counts what is forked elsewhere too;
    without one (an ordinary user), this process has to adopt the sandbox's, and nothing is forked.
    """

    def __init__(self, group: CpuGroup | None) -> None:
        super().__init__()
        self.group = group
        self.parts: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        """Runs `argv`, see `Sandbox.run`."""
        part = _asking()
        with self._lock:
            before = self.seconds()
            try:
                return super().run(argv, **options)
            finally:
                adopted()
                count, seconds = self.parts.get(part, (0, 0.0))
                self.parts[part] = count + 1, round(seconds + self.seconds() - before, 2)

    def seconds(self) -> float:
        """CPU seconds so far, of all processes but this one."""
        if self.group is not None:
            return self.group.seconds() - own_seconds()
        return children_seconds()


@contextmanager
def metered() -> Iterator[Metered]:
    """The sandbox, with a control group for this process where one can be made."""
    if not CpuGroup.available():
        yield Metered(None)
        return
    with CpuGroup("verdict") as group:
        group.take(os.getpid())
        yield Metered(group)


def own_seconds() -> float:
    """CPU seconds of this process."""
    return _seconds(resource.RUSAGE_SELF)


def children_seconds() -> float:
    """CPU seconds of all processes that ended and were waited for."""
    return _seconds(resource.RUSAGE_CHILDREN)


def adopted() -> None:
    """Waits for processes that ended after their parent: only then is their time known."""
    until = time.monotonic() + _WAIT_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)


# ---------------------------------------------------------------------------------------------------------


def _seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _asking() -> str:
    """The innermost function of the validation or of the environments that asks for a run."""
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if any(folder in path for folder in _FOLDERS) and not path.endswith(_BETWEEN):
            return f"{PurePosixPath(path).stem}.{frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return "other"
