"""Where pages and metrics get their figures: the ledger, read at most so often, and the state store."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy.exc import OperationalError

from nightcrew.crew.storage.database import ensure_database
from nightcrew.dashboard.figures import Figures, read_figures
from nightcrew.dashboard.present import Present, read_present
from nightcrew.dashboard.series import Series, read_series
from nightcrew.errors import NightcrewError
from nightcrew.ledger.ledger import Ledger, open_ledger
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.settings import Settings

log = logging.getLogger(__name__)

FRESH_SECONDS = 10.0
FIRST_SECONDS = 0.5  # a page does not wait longer for the first figures
MOST_SHARE = 0.02
"""The share of one core that reading the ledger again and again may take: a large one is read less often."""


class Source:
    """Reads for one crew; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stories = Session(settings)  # one of its own, as reading all figures may take seconds
        session = Session(settings)
        self._figures = Reading(session, read_figures)
        self._series = Reading(session, read_series)

    @cached_property
    def store(self) -> StateStore:
        """The state store.

        Raises:
            NightcrewError: the database cannot be reached.
        """
        store = StateStore(ensure_database(self.settings))
        create_schema(store)
        return store

    def figures(self) -> Figures | None:
        """The figures for pages, old ones while new ones are read; None if the first take too long."""
        return self._figures.latest(FIRST_SECONDS)

    def series(self, patience: float) -> Series | None:
        """The same for Prometheus."""
        return self._series.latest(patience)

    def present(self) -> Present | None:
        """What the crew does now; None if the database cannot be reached."""
        try:
            return read_present(self.store, self.settings)
        except (NightcrewError, OperationalError) as error:
            log.warning("the state store cannot be read: %s", error)
            return None


class Session:
    """The open ledger, for one reader at a time.

    Opening it takes three times as long as the sums over a small one. Its views find new files by themselves,
    but those of other hosts are only fetched when it is opened.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger: Ledger | None = None
        self._in_use = threading.Lock()

    @contextmanager
    def open(self) -> Iterator[Ledger]:
        """The ledger; after an error the next reader opens it anew."""
        with self._in_use:
            ledger = self._ledger or open_ledger(self._settings)
            self._ledger = None
            try:
                yield ledger
            except BaseException:
                ledger.close()
                raise
            if self._settings.store_url:
                ledger.close()
            else:
                self._ledger = ledger


class Reading[T]:
    """What was read last, which is read again in the background once it is old."""

    def __init__(self, session: Session, read: Callable[[Ledger], T]) -> None:
        self._session, self._read_from = session, read
        self._kept: T | None = None
        self._fresh_until = 0.0
        self._reading = threading.Lock()
        self._first = threading.Event()

    def latest(self, patience: float) -> T | None:
        """What was read last; None if the first reading takes longer than `patience` seconds."""
        if time.monotonic() > self._fresh_until and self._reading.acquire(blocking=False):
            threading.Thread(target=self._read, name="figures", daemon=True).start()
        if self._kept is None:
            self._first.wait(patience)
        return self._kept

    def _read(self) -> None:
        began = time.process_time()
        try:
            with self._session.open() as ledger:
                self._kept = self._read_from(ledger)
            spent = time.process_time() - began  # of all threads: DuckDB has its own
            self._fresh_until = time.monotonic() + max(FRESH_SECONDS, spent / MOST_SHARE)
            self._first.set()
        except NightcrewError as error:  # the next request tries again
            log.warning("the ledger cannot be read: %s", error)
        finally:
            self._reading.release()
