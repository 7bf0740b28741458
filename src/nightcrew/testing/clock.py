"""The twin's clock: the wall clock, shifted or set by hand, so that tests need not wait for midnight."""

import threading
from datetime import UTC, datetime, timedelta


class TwinClock:
    """A clock in UTC. With `start`, time stands still and is only moved by `advance`."""

    def __init__(self, start: datetime | None = None) -> None:
        self._fixed = start
        self._shift = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The current time of the twin, in UTC."""
        with self._lock:
            return (self._fixed or datetime.now(UTC)) + self._shift

    def advance(self, seconds: float) -> None:
        """Advance the time by this many seconds."""
        with self._lock:
            self._shift += timedelta(seconds=seconds)
