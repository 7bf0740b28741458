"""What runs of a crew, readable by every process: one small JSON file in `home`."""

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


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """Where a crew's services are; `running` says whether server and worker live now."""

    home: Path
    api_url: str = ""
    workers: int = 0
    worker_name: str = ""
    project: str = ""
    database_pid: int | None = None
    processes: Mapping[str, ProcessId] = field(default_factory=dict)

    @property
    def ui_url(self) -> str:
        """Address of the Prefect UI."""
        return self.api_url.removesuffix("/api")

    @property
    def alive(self) -> dict[str, int]:
        """Name and process number of each service that lives."""
        return {name: known.pid for name, known in self.processes.items() if known.find() is not None}

    @property
    def running(self) -> bool:
        """True while server and worker live."""
        return {"server", "worker"} <= self.alive.keys()

    def api(self) -> PrefectApi:
        """The crew's Prefect server."""
        return PrefectApi(self.api_url, auth=password_of(self.home))


def status(settings: Settings) -> ServiceStatus:
    """What runs now, as told by the state file and checked against the living processes."""
    home = settings.home.expanduser().resolve()
    try:
        stored: dict[str, Any] = json.loads((home / STATE_FILE).read_text())
        processes = {name: ProcessId(**known) for name, known in stored.pop("processes").items()}
        return ServiceStatus(home=home, processes=processes, **stored)
    except (OSError, ValueError, TypeError, KeyError):
        return ServiceStatus(home=home)


def write_status(current: ServiceStatus) -> None:
    """Publish `current` by one rename."""
    content = {key: value for key, value in asdict(current).items() if key != "home"}
    draft = current.home / f"{STATE_FILE}.new"
    draft.write_text(json.dumps(content, indent=1))
    draft.rename(current.home / STATE_FILE)


def forget_status(settings: Settings) -> None:
    """Nothing runs any more."""
    (settings.home.expanduser().resolve() / STATE_FILE).unlink(missing_ok=True)
