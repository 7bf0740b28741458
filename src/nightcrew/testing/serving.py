"""A web server on loopback for a twin, in a thread or in the foreground."""

import asyncio
import contextlib
import logging
import socket
import threading
from types import TracebackType
from typing import Any, Self, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from nightcrew.errors import BadInput

HOST = "127.0.0.1"
START_SECONDS = 20.0
TRANSPORT = "nightcrew.transport"
"""The key of the connection in a request's scope, for an application that drops it."""


class LoopbackServer:
    """Serves an application; as a context manager, in a thread of its own."""

    def __init__(self, app: Starlette, port: int = 0) -> None:
        self._socket = _listen(port)
        self.port = int(self._socket.getsockname()[1])
        self._server = _server(app)
        self._thread = threading.Thread(target=self._serve, name="nightcrew-twin", daemon=True)

    @property
    def url(self) -> str:
        """The address of the server, without a path."""
        return f"http://{HOST}:{self.port}"

    def serve(self) -> None:
        """Serve in the foreground until interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._serve()

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


class Served:
    """A twin that serves for the length of a block."""

    server: LoopbackServer

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)


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
