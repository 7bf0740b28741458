"""Where pages and metrics get their figures: the ledger, read at most so often, and the state store."""

import logging
import threading
import time
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.exc import OperationalError

from nightcrew.crew.storage.database import ensure_database
from nightcrew.dashboard.figures import Figures, read_figures
from nightcrew.dashboard.present import Present, read_present
from nightcrew.errors import NightcrewError
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.settings import Settings
from nightcrew.shared_files import shared_files

log = logging.getLogger(__name__)

FRESH_SECONDS = 10.0
FIRST_SECONDS = 1.0  # a page does not wait longer for the first figures
MOST_SHARE = 0.05
"""The share of one core that reading the ledger again and again may take: a large one is read less often."""


@dataclass(slots=True)
class _Kept:
    figures: Figures
    read_at: float
    seconds: float  # that reading took

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.read_at < max(FRESH_SECONDS, self.seconds / MOST_SHARE)


class Source:
    """Reads for one crew; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._kept: _Kept | None = None
        self._reading = threading.Lock()
        self._first = threading.Event()

    @cached_property
    def store(self) -> StateStore:
        """The state store.

        Raises:
            NightcrewError: the database cannot be reached.
        """
        store = StateStore(ensure_database(self.settings))
        create_schema(store)
        return store

    def figures(self, *, patience: float = FIRST_SECONDS) -> Figures | None:
        """The ledger's figures; old ones while new ones are read, and None if the first take too long."""
        if self._kept is None or not self._kept.is_fresh:
            self._begin_reading()
        if self._kept is None:
            self._first.wait(patience)
        return None if self._kept is None else self._kept.figures

    def present(self) -> Present | None:
        """What the crew does now; None if the database cannot be reached."""
        try:
            return read_present(self.store, self.settings)
        except (NightcrewError, OperationalError) as error:
            log.warning("the state store cannot be read: %s", error)
            return None

    # --------------------------------------------------------------------------------------------------

    def _begin_reading(self) -> None:
        if self._reading.acquire(blocking=False):
            threading.Thread(target=self._read, name="figures", daemon=True).start()

    def _read(self) -> None:
        begin = time.monotonic()
        try:
            figures = read_figures(self.settings.ledger_dir, shared_files(self.settings))
            self._kept = _Kept(figures, time.monotonic(), time.monotonic() - begin)
            self._first.set()
        except NightcrewError as error:  # the next request tries again
            log.warning("the ledger cannot be read: %s", error)
        finally:
            self._reading.release()
