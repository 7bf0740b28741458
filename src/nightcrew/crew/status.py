"""The status of a crew's services, which every process can read: one small JSON file in `home`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nightcrew.crew.api_access import password_of
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.processes import ProcessId
from nightcrew.settings import Settings

STATE_FILE = "services.json"
DASHBOARD = "/nightcrew"
"""The path of the dashboard on the crew's server."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The addresses and processes of a crew's services."""

    home: Path
    api_url: str = ""
    workers: int = 0
    worker_name: str = ""
    project: str = ""
    database_pid: int | None = None
    processes: Mapping[str, ProcessId] = field(default_factory=dict)
    is_joined: bool = False  # to a crew whose server runs on another host
    owner: ProcessId | None = None  # the process with which they end

    @property
    def ui_url(self) -> str:
        """The URL of the Prefect UI."""
        return self.api_url.removesuffix("/api")

    @property
    def dashboard_url(self) -> str:
        """The URL of the dashboard, which the same server answers."""
        return f"{self.ui_url}{DASHBOARD}/"

    @property
    def alive(self) -> dict[str, int]:
        """Name and pid of each running service."""
        return {name: known.pid for name, known in self.processes.items() if known.find() is not None}

    @property
    def running(self) -> bool:
        """True while server and worker are running; of a host that has joined a crew, its worker."""
        return ({"worker"} if self.is_joined else {"server", "worker"}) <= self.alive.keys()

    @property
    def ending(self) -> bool:
        """True if the process has ended with which they end: the guard is about to stop them."""
        return self.owner is not None and self.owner.find() is None

    def api(self) -> PrefectApi:
        """The crew's Prefect server."""
        return PrefectApi(self.api_url, auth=password_of(self.home))


def status(settings: Settings) -> ServiceStatus:
    """The services that are running: the file's content, checked against the running processes."""
    home = settings.home.expanduser().resolve()
    try:
        stored: dict[str, Any] = json.loads((home / STATE_FILE).read_text())
        processes = {name: ProcessId(**known) for name, known in stored.pop("processes").items()}
        owner = ProcessId(**known) if (known := stored.pop("owner", None)) else None
        return ServiceStatus(home=home, processes=processes, owner=owner, **stored)
    except (OSError, ValueError, TypeError, KeyError):
        return ServiceStatus(home=home)


def write_status(current: ServiceStatus) -> None:
    """Publish `current` atomically."""
    content = {key: value for key, value in asdict(current).items() if key != "home"}
    draft = current.home / f"{STATE_FILE}.new"
    draft.write_text(json.dumps(content, indent=1))
    draft.rename(current.home / STATE_FILE)


def forget_status(settings: Settings) -> None:
    """Delete the status, when no service is running."""
    (settings.home.expanduser().resolve() / STATE_FILE).unlink(missing_ok=True)
