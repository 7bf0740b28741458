"""The CPU of a verdict by its parts: each sandboxed run counts for the function that asked for it."""

import os
import resource
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from nightcrew.execution.sandbox import Completed, Sandbox

_BETWEEN = ("runs.py", "commands.py")  # they run what others ask for
_FOLDERS = ("/nightcrew/validation/", "/nightcrew/execution/environments/")
_WAIT_SECONDS = 2.0


@dataclass
class Metered:
    """A sandbox that measures each run. This process must be the subreaper of the sandbox's processes.

    `parts` holds the number of runs and their CPU seconds, by `module.function`. Runs wait for each other, so
    that the processes that end in between belong to one of them.
    """

    sandbox: Sandbox
    parts: dict[str, tuple[int, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """The kind of confinement."""
        return self.sandbox.name

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        """Runs `argv`, see `Sandbox.run`."""
        part = _asking()
        with self._lock:
            before = children_seconds()
            try:
                return self.sandbox.run(argv, **options)
            finally:
                adopted()
                count, seconds = self.parts.get(part, (0, 0.0))
                self.parts[part] = count + 1, round(seconds + children_seconds() - before, 2)


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
