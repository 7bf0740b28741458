"""The twin of OpenRouter: the same API on loopback, with scripted models. It always identifies itself.

with Twin(shipped_scenario()) as twin:
    client = OpenAI(base_url=twin.base_url, api_key="any")
"""

import logging
from collections.abc import Callable

from nightcrew.testing.calls import Backend, Change, Seen
from nightcrew.testing.clock import TwinClock
from nightcrew.testing.scenario import Scenario
from nightcrew.testing.server import build_app
from nightcrew.testing.serving import LoopbackServer, Served

log = logging.getLogger(__name__)


class Twin(Served):
    """A running twin, as a context manager; several can run at once."""

    def __init__(self, scenario: Scenario, port: int = 0, clock: TwinClock | None = None) -> None:
        self.backend = Backend(scenario, clock or TwinClock())
        self.server = LoopbackServer(build_app(self.backend), port)
        self.port = self.server.port

    @property
    def base_url(self) -> str:
        """The base URL for clients."""
        return f"{self.server.url}/api/v1"

    @property
    def requests(self) -> list[Seen]:
        """The chat calls so far, oldest first."""
        return list(self.backend.requests)

    def change(self, change: Change) -> None:
        """Change the scenario from the next call on."""
        self.backend.change(change)


def run_twin(scenario: Scenario, port: int = 0, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve a twin in the foreground until interrupted; `on_ready` is called with its base URL.

    Raises:
        BadInput: the port is in use.
    """
    twin = Twin(scenario, port)
    log.info("nightcrew-twin plays scenario %s at %s", scenario.name, twin.base_url)
    if on_ready is not None:
        on_ready(twin.base_url)
    twin.server.serve()
