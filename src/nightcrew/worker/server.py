"""The crew's Prefect server: Prefect's own, dashboard, webhooks behind a filter for foreign hosts.

Run as `python -m nightcrew.worker.server PORT`. Prefect asks for a password, but does not check the host name
or a browser's origin. Foreign pages whose name resolves to 127.0.0.1 (DNS rebinding), or that open a
websocket, are refused here before Prefect sees the request.
"""

import sys
from datetime import timedelta
from functools import partial
from importlib import import_module

import docket
import uvicorn
from prefect.server.api import background_workers
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nightcrew.crew.api_access import LOOPBACK, own_hosts
from nightcrew.dashboard.app import dashboard, is_ours
from nightcrew.errors import BadInput
from nightcrew.logs.process import log_what_ends_it
from nightcrew.settings import load_settings
from nightcrew.watch.hooks import hooks, is_hook
from nightcrew.worker.many_runs import add_route

BLOCKS = "blocks.messages"
LOOK = timedelta(seconds=1)
HARDENED = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Gate:
    """Accepts requests and websockets for this server's name that come from no other origin."""

    def __init__(self, app: ASGIApp, port: int, address: str = LOOPBACK) -> None:
        self._app = app
        self._hosts = own_hosts(port, address)
        self._origins = tuple(f"http://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or refuse a request; answers cannot be framed or embedded by other pages."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif reason := self._refusal(Headers(scope=scope)):
            await PlainTextResponse(reason, status_code=403)(scope, receive, send)
        else:
            await self._app(scope, receive, _hardened(send))

    def _refusal(self, headers: Headers) -> str | None:
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return f"this server is called {self._hosts[0]}"
        if any(origin not in self._origins for origin in headers.getlist("origin")):
            return "pages of other origins have no access"
        return None


class Joined:
    """Prefect's application; the crew's dashboard and its webhooks under the paths that are theirs."""

    def __init__(self, prefect: ASGIApp, crew: ASGIApp, hooks: ASGIApp) -> None:
        self._prefect, self._crew, self._hooks = prefect, crew, hooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by the application whose path it is."""
        path = scope["path"] if scope["type"] == "http" else ""
        app = self._hooks if is_hook(path) else self._crew if is_ours(path) else self._prefect
        await app(scope, receive, send)


def main(port: int) -> None:
    """Serve until the process is ended."""
    import_module(BLOCKS)  # automations of the server send messages by them
    _look_less_often()
    add_route()
    settings = get_current_settings().server
    if settings.api.auth_string is None:
        raise BadInput("the server's profile has no password")
    crew = load_settings()
    uvicorn.run(
        Gate(Joined(create_app(final=True), dashboard(crew), hooks(crew)), port, crew.server_address),
        host=crew.server_address,
        port=port,
        timeout_keep_alive=settings.api.keepalive_timeout,
        ws_ping_interval=settings.api.websocket_ping_interval,
        ws_ping_timeout=settings.api.websocket_ping_timeout,
        log_config=None,  # Prefect has set logging up, for uvicorn too
        log_level=settings.logging_level.lower(),
    )


# ---------------------------------------------------------------------------------------------------------


def _look_less_often() -> None:
    """Prefect's background tasks wait for seconds to days; its worker looks for them eight times a second."""
    seldom = partial(docket.Worker, minimum_check_interval=LOOK, scheduling_resolution=LOOK)
    setattr(background_workers, "Worker", seldom)  # noqa: B010 - it is a class there


def _hardened(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HARDENED)
        await send(message)

    return with_headers


if __name__ == "__main__":
    log_what_ends_it()
    main(int(sys.argv[1]))
