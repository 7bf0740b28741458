"""What a running engine does every few seconds: supervise, correct lost tasks, hand over waiting ones."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nightcrew.crew.dispatch import MOST_AT_ONCE, dispatch_pending
from nightcrew.crew.runs.agreement import agree
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.crew.services import restore_deployments, sweep_up
from nightcrew.crew.stop import (
    correct_times,
    end_outage,
    end_stop,
    resume_with_room,
    settle_dead_calls,
)
from nightcrew.crew.supervision import Say, Supervisor
from nightcrew.errors import BadInput
from nightcrew.ledger.delivery import share_journals
from nightcrew.logs.rotation import rotate_logs
from nightcrew.openrouter.serving.transcript import forget_prompts
from nightcrew.settings import Settings

log = logging.getLogger(__name__)

PAUSE_SECONDS = 5.0
LOOK_SECONDS = 15.0
RESTORE_SECONDS = 60.0
DAY_SECONDS = 86_400.0
END_SECONDS = 20.0  # that a pass is given to end


def keep_up(settings: Settings, say: Say, *, seconds: float = float("inf")) -> None:
    """Keep the crew going for `seconds`, or until another command stops it.

    Raises:
        GaveUp: a service cannot be kept running.
    """
    supervisor, end = Supervisor(settings, say), time.monotonic() + seconds
    with _looked_after(settings, say):
        while (left := end - time.monotonic()) > 0 and supervisor.check():
            time.sleep(min(left, PAUSE_SECONDS))


@contextmanager
def _looked_after(settings: Settings, say: Say) -> Iterator[None]:
    """Meanwhile a thread does the upkeep: what it waits for may be a service that has to be started again."""
    ending = threading.Event()
    upkeep = Upkeep(settings, say, ending=ending)

    def look_after() -> None:
        while not ending.is_set():
            if not upkeep.once():
                ending.wait(PAUSE_SECONDS)

    thread = threading.Thread(target=look_after, name="upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(END_SECONDS)


class Upkeep:
    """Corrects and hands over tasks, and creates what was deleted in Prefect."""

    def __init__(
        self,
        settings: Settings,
        say: Say,
        *,
        ending: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._say, self._clock = settings, say, clock
        self._ending = ending or threading.Event()
        self._look_at, self._restore_at = clock() + LOOK_SECONDS, clock() + RESTORE_SECONDS
        self._forget_at = clock()
        self._failed = ""

    def once(self) -> bool:
        """One pass; True if more tasks wait to be handed over. A failed pass is reported once."""
        try:
            reconcile(self._settings)
            if self._clock() >= self._look_at:
                correct_times(self._settings)
                self._end_waits()
                share_journals(self._settings)
                self._look_at = self._clock() + LOOK_SECONDS
            if self._clock() >= self._restore_at:
                restore_deployments(self._settings, self._say, self._ending.is_set)
                settle_dead_calls(self._settings)
                agree(self._settings)
                rotate_logs(self._settings.logs_dir)
                sweep_up(self._settings)
                self._forget()
                self._restore_at = self._clock() + RESTORE_SECONDS
            more = dispatch_pending(self._settings) == MOST_AT_ONCE
        except Exception as error:  # whatever it is, the night goes on, and the next pass may succeed
            self._fail(error)
            return False
        self._failed = ""
        return more

    def _forget(self) -> None:
        """Once a day, also on a host that has only joined: prompts past their date."""
        if self._clock() >= self._forget_at:
            forget_prompts(self._settings)
            self._forget_at = self._clock() + DAY_SECONDS

    def _end_waits(self) -> None:
        """Start the tasks that wait for the disk or the provider, once these are back."""
        if resumed := resume_with_room(self._settings):
            self._say(f"there is room on the disk again: {resumed.tasks} tasks go on")
        end_stop(self._settings)
        if started := end_outage(self._settings):
            self._say(f"the provider can be reached again: {started} tasks go on")

    def _fail(self, error: Exception) -> None:
        if self._ending.is_set():
            return
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        log.info("a pass of the upkeep failed", exc_info=error)
        if message != self._failed and not isinstance(error, BadInput):
            self._say(f"tasks are not looked after for now: {message}")
        self._failed = message
