"""Keeps a crew's services running: what has ended or hangs is started again and reported.

Running tasks go on meanwhile: their processes need neither worker nor server to live, repeat calls to the
server for a minute, and wait for PostgreSQL.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nightcrew.crew.launching import launch_guard, launch_server, launch_worker
from nightcrew.crew.processes import free_port, kill_all, kill_tree
from nightcrew.crew.services import locked
from nightcrew.crew.status import ServiceStatus, status
from nightcrew.crew.stop import places_of
from nightcrew.crew.storage.database import open_database, revive
from nightcrew.errors import Transient
from nightcrew.execution.checkout.free_space import obstacle
from nightcrew.settings import Settings

log = logging.getLogger(__name__)

STEADY_SECONDS = 300.0  # after which a service counts as running well again
LONGEST_PAUSE_SECONDS = 60.0
MOST_FAILURES = 15  # in a row, some ten minutes
HUNG_SECONDS = 120.0  # without an answer, although the process is there
LOOK_SECONDS = 10.0  # between two requests whether the server answers

type Say = Callable[[str], object]


class GaveUp(Transient):
    """A service cannot be kept running; the message says which and why."""


@dataclass(slots=True)
class Restarts:
    """The restarts of one service: when the next one may be tried, and whether another makes sense."""

    failures: int = 0  # starts in a row that failed or did not last
    not_before: float = 0.0
    started_at: float | None = None

    def started(self, now: float) -> None:
        """It was started; how long it lasts will show."""
        self.failures += 1
        self.started_at = now
        self.not_before = now + self.pause_seconds

    def failed(self, now: float) -> None:
        """It could not be started."""
        self.failures += 1
        self.started_at = None
        self.not_before = now + self.pause_seconds

    def is_well(self, now: float) -> None:
        """It runs; after a while, earlier failures are forgotten."""
        if self.started_at is not None and now - self.started_at > STEADY_SECONDS:
            self.failures, self.started_at = 0, None

    @property
    def pause_seconds(self) -> float:
        """The wait before the next restart."""
        return min(LONGEST_PAUSE_SECONDS, 2.0 ** (self.failures - 1)) if self.failures else 0.0


@dataclass(frozen=True, slots=True)
class Service:
    """A service under supervision; `problem` is empty while it runs well, `restart` returns its new pid."""

    name: str
    problem: Callable[[ServiceStatus], str]
    restart: Callable[[ServiceStatus], int | None]
    restarts: Restarts = field(default_factory=Restarts)


class Supervisor:
    """Watches the services of the crew in `settings.home`; `check` has to be called every few seconds."""

    def __init__(self, settings: Settings, say: Say, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._say, self._clock = settings, say, clock
        self._answered_at = self._asked_at = clock()
        self._obstacle = ""
        self._services = (  # each needs the ones before it
            Service("PostgreSQL", self._problem_of_database, self._restart_database),
            Service("the Prefect server", self._problem_of_server, self._restart_server),
            Service("the worker", _has_ended("worker"), self._restart_worker),
            Service("the guard", _has_ended("guard"), self._restart_guard),
        )

    def check(self) -> bool:
        """Start again what has ended or hangs; False once the crew was stopped by another command.

        Raises:
            GaveUp: a service cannot be kept running.
            BadInput: the database refuses the crew.
        """
        for service in self._services:
            current = status(self._settings)
            if not current.processes:
                return False
            if not self._tend(service, current):
                break  # the others need it
        return True

    # --------------------------------------------------------------------------------------------------

    def _tend(self, service: Service, current: ServiceStatus) -> bool:
        """True if the service runs well."""
        now, restarts = self._clock(), service.restarts
        if not (problem := service.problem(current)):
            restarts.is_well(now)
            return True
        if now < restarts.not_before or self._is_obstructed():
            return False
        try:
            with locked(self._settings):
                if not (current := status(self._settings)).processes:
                    return False  # another command is stopping the crew
                pid = service.restart(current)
        except (Transient, OSError) as error:
            restarts.failed(self._clock())
            why = f"{service.name} {problem} and cannot be started again: {error}"
            if restarts.failures >= MOST_FAILURES:
                raise GaveUp(f"{why} (tried {restarts.failures} times)") from error
            self._say(f"{why}; next try in {restarts.pause_seconds:.0f} s")
            return False
        restarts.started(self._clock())
        if restarts.failures >= MOST_FAILURES:
            raise GaveUp(f"{service.name} {problem} again and again ({restarts.failures} times in a row)")
        self._say(f"{service.name} {problem}: it was started again as process {pid}")
        return True

    def _is_obstructed(self) -> bool:
        """True while nothing can be started because of the disk; reported once."""
        found = next(filter(None, map(obstacle, places_of(self._settings))), "")
        if found and found != self._obstacle:
            self._say(f"the crew waits: {found}")
        self._obstacle = found
        return bool(found)

    def _problem_of_database(self, current: ServiceStatus) -> str:
        return "" if open_database(self._settings).is_running else "has ended"

    def _restart_database(self, current: ServiceStatus) -> int | None:
        return revive(self._settings)

    def _problem_of_server(self, current: ServiceStatus) -> str:
        if current.is_joined:
            return ""  # it is looked after where it runs
        if "server" not in current.alive:
            return "has ended"
        now = self._clock()
        if now - self._asked_at >= LOOK_SECONDS:
            self._asked_at = now
            if current.api().healthy():
                self._answered_at = self._clock()
        return "does not answer" if now - self._answered_at > HUNG_SECONDS else ""

    def _restart_server(self, current: ServiceStatus) -> int | None:
        if (known := current.processes.get("server")) is not None:
            kill_tree(known)
        port = int(current.ui_url.rsplit(":", 1)[1])
        if free_port(port, self._settings.server_address) != port:
            raise Transient(f"its port {port} is taken by another program")
        current = launch_server(self._settings, current, open_database(self._settings), port)
        self._answered_at = self._clock()
        return current.alive.get("server")

    def _restart_worker(self, current: ServiceStatus) -> int | None:
        """Its runs are left alone: each is a process of its own, and records its end in the store."""
        known = current.processes.get("worker")
        kill_all([process] if known and (process := known.find()) else [])
        return launch_worker(self._settings, current, open_database(self._settings)).alive.get("worker")

    def _restart_guard(self, current: ServiceStatus) -> int | None:
        return launch_guard(self._settings, current).alive.get("guard")


# ---------------------------------------------------------------------------------------------------------


def _has_ended(name: str) -> Callable[[ServiceStatus], str]:
    """The problem of a service that is only a process; one that was never started has none."""
    return lambda current: "has ended" if name in current.processes and name not in current.alive else ""
