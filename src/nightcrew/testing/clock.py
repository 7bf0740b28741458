"""The twin's time: the wall clock, shifted or driven by hand so that drills need not wait for midnight."""

import threading
from datetime import UTC, datetime, timedelta


class TwinClock:
    """Now, in UTC. With `start` time stands still there and moves only by `advance`."""

    def __init__(self, start: datetime | None = None) -> None:
        self._fixed = start
        self._shift = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The twin's present, in UTC."""
        with self._lock:
            return (self._fixed or datetime.now(UTC)) + self._shift

    def advance(self, seconds: float) -> None:
        """Move time on by this many seconds."""
        with self._lock:
            self._shift += timedelta(seconds=seconds)
