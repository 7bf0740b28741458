"""The twin of OpenRouter: the same API on loopback, with scripted models. It always identifies itself.

with Twin(shipped_scenario()) as twin:
    client = OpenAI(base_url=twin.base_url, api_key="any")
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from nightcrew.errors import BadInput
from nightcrew.testing.calls import Backend, Change, Seen
from nightcrew.testing.clock import TwinClock
from nightcrew.testing.scenario import Scenario
from nightcrew.testing.server import TRANSPORT, build_app

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
START_SECONDS = 20.0


class Twin:
    """A running twin, as a context manager; several can run at once."""

    def __init__(self, scenario: Scenario, port: int = 0, clock: TwinClock | None = None) -> None:
        self.backend = Backend(scenario, clock or TwinClock())
        self._socket = _listen(port)
        self.port = int(self._socket.getsockname()[1])
        self._server = _server(build_app(self.backend))
        self._thread = threading.Thread(target=self._serve, name="nightcrew-twin", daemon=True)

    @property
    def base_url(self) -> str:
        """The base URL for clients."""
        return f"http://{HOST}:{self.port}/api/v1"

    @property
    def requests(self) -> list[Seen]:
        """The chat calls so far, oldest first."""
        return list(self.backend.requests)

    def change(self, change: Change) -> None:
        """Change the scenario from the next call on."""
        self.backend.change(change)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(START_SECONDS)
        self._socket.close()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


def run_twin(scenario: Scenario, port: int = 0, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve a twin in the foreground until interrupted; `on_ready` is called with its base URL.

    Raises:
        BadInput: the port is in use.
    """
    twin = Twin(scenario, port)
    log.info("nightcrew-twin plays scenario %s at %s", scenario.name, twin.base_url)
    if on_ready is not None:
        on_ready(twin.base_url)
    with contextlib.suppress(KeyboardInterrupt):
        twin._serve()


# --------------------------------------------------------------------------------------------------------


class _Protocol(H11Protocol):
    """HTTP with access to its own connection for the application, which may drop it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        inner = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            await inner({**scope, TRANSPORT: transport}, receive, send)

        self.app = with_transport


def _listen(port: int) -> socket.socket:
    # With a protocol given, asyncio switches off Nagle's algorithm (40 ms per call).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise BadInput(f"the twin cannot listen on port {port}: {error}") from None
    listener.listen(256)
    return listener


def _server(app: Starlette) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.CRITICAL,
            access_log=False,
            server_header=False,
            headers=[("Server", "nightcrew-twin")],
            timeout_graceful_shutdown=1,
        )
    )
