"""The stop of the whole crew: its reason, and how a person resumes the crew."""

import os
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import OperationalError

from nightcrew.crew.dispatch import POOL, open_queue, run_again, set_state
from nightcrew.crew.status import status
from nightcrew.crew.storage.database import ensure_database
from nightcrew.errors import Transient
from nightcrew.execution.attempt import ModelCall
from nightcrew.execution.checkout.free_space import ROOM_BYTES, full_or_locked, obstacle, was_full
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.account import Stop, crew_stop, resume_crew
from nightcrew.openrouter.books.availability import account_of
from nightcrew.openrouter.books.offline import offline, probed
from nightcrew.openrouter.books.orphans import settle_orphans
from nightcrew.openrouter.books.set_back import set_right
from nightcrew.queue.state_store import StateStore, create_schema, utc_now
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus

HOW_TO_RESUME = "When that is fixed, run: nightcrew resume"
CREW_STOPPED = "CrewStopped"  # the state of a flow run that waits until the crew is resumed
AWAITING_PROVIDER = "AwaitingProvider"  # the state of a flow run while nobody can call a model
DISK_FULL = "disk_full"
WAIT_SECONDS = 5.0
MOST_STARTS, MOST_FAILED_STARTS = 5, 3  # because of the disk, and of a service
_OF_THE_ACCOUNT = frozenset({"key_limit", "unauthorized", "payment_required"})


@dataclass(frozen=True, slots=True)
class Resumed:
    """A lifted stop; `stop` is None if there was none."""

    stop: Stop | None
    tasks: int = 0  # that continue at once
    warning: str = ""


def current_stop(settings: Settings) -> Stop | None:
    """The current stop; None while the crew may work."""
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        return crew_stop(store, account_of(settings))


def resume(settings: Settings) -> Resumed:
    """Resume the crew, and the tasks that wait for it.

    Raises:
        Transient: Prefect cannot be reached; the stop is lifted, but the work pool may still be paused.
    """
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        stop = crew_stop(store, account_of(settings))
        resume_crew(store, account_of(settings))
    warning = _still_refused(settings) if stop and stop.fault in _OF_THE_ACCOUNT else ""
    services = status(settings)
    if not services.running:
        return Resumed(stop, warning=warning)
    api = services.api()
    api.patch(f"/work_pools/{POOL}", {"is_paused": False})
    with open_queue(settings) as queue:
        waiting = queue.waiting(TaskStatus.QUEUED)
        again = [run_again(api, queued, state_name=CREW_STOPPED) for queued in waiting]
    return Resumed(stop, sum(again), warning)


def places_of(settings: Settings) -> tuple[Path, ...]:
    """The folders that work is stored in; they may be on several disks."""
    own = (settings.home, settings.work_dir, settings.results_dir, settings.ledger_dir)
    return (*(folder.expanduser() for folder in own), Path(tempfile.gettempdir()))


def wait_for_disk(settings: Settings, say: Callable[[str], None]) -> None:
    """Wait until the disk of the home is neither full nor read-only, and say once why."""
    before = ""
    while why := next(filter(None, map(full_or_locked, places_of(settings))), ""):
        if why != before:
            say(f"{why}: the crew starts when that is over")
            before = why
        time.sleep(WAIT_SECONDS)


def started_with_patience[T](settings: Settings, start: Callable[[], T], say: Callable[[str], None]) -> T:
    """What `start` returns; tried again where a service does not start, or the disk does not let it.

    Raises:
        OSError, Transient, OperationalError: the last one, after as many tries as may help.
    """
    tries = 0
    while True:
        wait_for_disk(settings, say)
        try:
            return start()
        except (OSError, Transient, OperationalError) as error:
            tries += 1
            if tries >= _most_starts(error) or _was_asked_to_end(error):
                raise
            say(f"{error}: the crew is started again")
            time.sleep(WAIT_SECONDS)


def resume_with_room(settings: Settings) -> Resumed | None:
    """Resume a crew that stopped because of its disk, once there is room again; None if nothing changed."""
    stop = current_stop(settings)
    if stop is None or stop.fault != DISK_FULL:
        return None
    if any(obstacle(place, least_bytes=ROOM_BYTES) for place in places_of(settings)):
        return None
    return resume(settings)


def settle_dead_calls(settings: Settings) -> int:
    """Settle the calls of killed processes, and record them; their number."""
    with (
        StateStore(ensure_database(settings)) as store,
        OpenRouterApi(*settings.account) as api,
        MetricsCollector(settings.ledger_dir, f"{socket.gethostname()}-{os.getpid()}") as collector,
    ):

        def record(call: ModelCall) -> None:
            collector.model_call(call)
            collector.flush()  # what is not written must not be settled: nobody would find it again

        calls = settle_orphans(store, api, record, now=utc_now())
    return len(calls)


def correct_times(settings: Settings) -> None:
    """Let nothing wait for what a clock that ran ahead has written."""
    with StateStore(ensure_database(settings)) as store:
        set_right(store, now=utc_now())


def end_outage(settings: Settings) -> int:
    """Start the tasks that wait for the provider, unless there is an outage; a probe that is due may end it.

    Their number. Whoever found that it is over may have died before it could start them.
    """
    with StateStore(ensure_database(settings)) as store:
        if offline(store, account_of(settings)) is not None:
            with OpenRouterApi(*settings.account) as api:
                if probed(store, api) is not None:
                    return 0
    return _start_waiting(settings, AWAITING_PROVIDER, "the provider can be reached again")


def end_stop(settings: Settings) -> int:
    """Start the tasks that wait for the end of a stop, unless there is one; their number.

    They were about to wait when the crew was resumed.
    """
    if current_stop(settings) is not None:
        return 0
    return _start_waiting(settings, CREW_STOPPED, "the crew was resumed")


# ---------------------------------------------------------------------------------------------------------


def _start_waiting(settings: Settings, state_name: str, message: str) -> int:
    api = status(settings).api()
    found = {"flow_runs": {"state": {"name": {"any_": [state_name]}}}, "limit": 200}
    waiting = api.post("/flow_runs/filter", found) or []
    for run in waiting:
        set_state(api, run["id"], "SCHEDULED", "Scheduled", message)
    return len(waiting)


def _most_starts(error: Exception) -> int:
    if isinstance(error, OSError):
        return MOST_STARTS if was_full(error) else 1
    return MOST_FAILED_STARTS


def _was_asked_to_end(error: BaseException | None) -> bool:
    """True for an error that came up while Ctrl-C or a signal ended the process."""
    while error is not None:
        if isinstance(error, SystemExit | KeyboardInterrupt):
            return True
        error = error.__context__
    return False


def _still_refused(settings: Settings) -> str:
    """A warning if the key is still refused, so that the first call would stop the crew again; else empty."""
    try:
        with OpenRouterApi(*settings.account) as api:
            accepted = api.key_is_accepted()
    except Transient as error:
        return f"The account could not be checked: {error}"
    return "" if accepted else "The key is still refused: the first call will stop the crew again."
