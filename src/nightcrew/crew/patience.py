"""How long a start is waited for: as long as it makes progress, which a busy machine only slows down."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from nightcrew import host
from nightcrew.crew.processes import last_words
from nightcrew.errors import Transient

IDLE_SECONDS = 120.0  # without CPU time or output
MOST_SECONDS = 1800.0
_LOOK_SECONDS = 1.0
_LEAST_CPU_SECONDS = 0.02


class Patience:
    """Watches the CPU time of a process and its descendants, and the size of their log."""

    def __init__(
        self,
        process: host.Process,
        log: Path,
        *,
        idle_seconds: float = IDLE_SECONDS,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self._pid, self._log = process.pid, log
        self._idle_seconds = idle_seconds
        self._end = time.monotonic() + most_seconds
        self._moved_at = self._looked_at = time.monotonic()
        self._seen = self._progress()

    @property
    def is_over(self) -> bool:
        """True once there was no progress for too long."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            cpu, size = self._progress()
            if abs(cpu - self._seen[0]) >= _LEAST_CPU_SECONDS or size != self._seen[1]:
                self._seen, self._moved_at = (cpu, size), now
        return now - self._moved_at > self._idle_seconds or now > self._end

    def _progress(self) -> tuple[float, int]:
        cpu, size = 0.0, 0
        with suppress(psutil.Error):
            top = psutil.Process(self._pid)
            for process in (top, *top.children(recursive=True)):
                with suppress(psutil.Error):
                    used = process.cpu_times()
                    cpu += used.user + used.system
        with suppress(OSError):
            size = self._log.stat().st_size
        return cpu, size


def wait_until(works: Callable[[], bool], process: host.Process, log: Path) -> None:
    """Wait until a started service works.

    Raises:
        Transient: it has ended, or makes no progress; the message names its log.
    """
    patience = Patience(process, log)
    while not works():
        if process.poll() is not None or patience.is_over:
            raise Transient(f"a service did not start, see {log}: {last_words(log)}")
        time.sleep(0.05)
