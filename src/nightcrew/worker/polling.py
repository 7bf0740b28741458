"""When a worker asks the server for runs: each second around its work, seldom while nothing is to be done.

A request takes some 20 ms of CPU in server and database. Tasks that are handed over on this host are noticed
at once, by a file; what a schedule, a person in Prefect's UI or another host starts waits for up to
`SELDOM_SECONDS`.
"""

import time
from collections.abc import Callable
from pathlib import Path

SELDOM_SECONDS = 5.0
AWAKE_SECONDS = 10.0  # after a start or end of a run, when the next one may wait already


class Polling:
    """`announced` is the file that is touched when a task is handed over."""

    def __init__(self, announced: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._announced, self._clock = announced, clock
        self._awake_until = clock() + AWAKE_SECONDS
        self._seldom_at = 0.0
        self._known = self._stamp()

    def is_due(self) -> bool:
        """True where the worker shall ask now."""
        now, stamp = self._clock(), self._stamp()
        if stamp != self._known:
            self._known = stamp
            self.wake()
        if now < self._awake_until or now >= self._seldom_at:
            self._seldom_at = now + SELDOM_SECONDS
            return True
        return False

    def wake(self) -> None:
        """Ask each time for a while: a run was found, or has ended."""
        self._awake_until = self._clock() + AWAKE_SECONDS

    def _stamp(self) -> int:
        try:
            return self._announced.stat().st_mtime_ns
        except OSError:
            return 0
