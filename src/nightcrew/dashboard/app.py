"""The web application: pages under `/nightcrew/`, and `/metrics`; only for who knows the crew's password."""

import base64
import binascii
import secrets
from collections.abc import Callable
from functools import partial
from importlib.resources import files

import uvicorn
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from nightcrew.crew.api_access import password_of
from nightcrew.crew.processes import free_port
from nightcrew.crew.status import DASHBOARD as ROOT
from nightcrew.dashboard import pages, prometheus
from nightcrew.dashboard.source import Source
from nightcrew.dashboard.story import read_story
from nightcrew.dashboard.totals import read_totals
from nightcrew.errors import BadInput, NightcrewError
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus

METRICS = "/metrics"
MOST_TASKS = 200
SCRAPE_SECONDS = 8.0  # Prometheus waits 10 by default
_CONFINED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_FILES = {"style.css": "text/css", "live.js": "text/javascript"}


def is_ours(path: str) -> bool:
    """True for the paths that the application answers; the others are Prefect's."""
    return path in {ROOT, METRICS} or path.startswith(f"{ROOT}/")


def dashboard(settings: Settings) -> ASGIApp:
    """The application for the crew in `settings.home`; it reads only, and only on request."""
    source = Source(settings)
    routes = [
        Route(ROOT, lambda _: RedirectResponse(f"{ROOT}/")),
        Route(f"{ROOT}/", partial(_guarded, _overview, source)),
        Route(f"{ROOT}/tasks", partial(_guarded, _tasks, source)),
        Route(f"{ROOT}/tasks/{{task_id}}", partial(_guarded, _task, source)),
        *(Route(f"{ROOT}/{name}", partial(_file, name, kind)) for name, kind in _FILES.items()),
        Route(METRICS, partial(_metrics, source)),
    ]
    return Locked(Starlette(routes=routes), settings)


def serve(settings: Settings, port: int, *, on_ready: Callable[[str], object]) -> None:
    """Serve the application alone on loopback until the process ends; `on_ready` is given its address."""
    port = free_port(port)
    on_ready(f"http://127.0.0.1:{port}")
    app = TrustedHostMiddleware(dashboard(settings), allowed_hosts=["127.0.0.1", "localhost"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


class Locked:
    """Asks for the crew's password, which Prefect's API asks for too."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._home = app, settings.home

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it has the password."""
        if scope["type"] == "http" and not self._knows(Headers(scope=scope).get("authorization", "")):
            ask = {"WWW-Authenticate": 'Basic realm="Nightcrew", charset="UTF-8"'}
            text = "The crew's password is needed. Print it with: nightcrew ui --password\n"
            await Response(text, 401, ask, "text/plain")(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _knows(self, header: str) -> bool:
        password = password_of(self._home)
        kind, _, coded = header.partition(" ")
        try:
            given = base64.b64decode(coded, validate=True)
        except (binascii.Error, ValueError):
            return False
        right = password is not None and secrets.compare_digest(given, password.encode())
        return right and kind.lower() == "basic"


# ---------------------------------------------------------------------------------------------------------

type Page = Callable[[Source, Request], str]


def _guarded(page: Page, source: Source, request: Request) -> Response:
    """A page, or one sentence that says why there is none."""
    try:
        return HTMLResponse(page(source, request), headers=_CONFINED)
    except BadInput as error:
        return HTMLResponse(pages.message("Not found", str(error)), 404, _CONFINED)
    except (NightcrewError, OperationalError):
        text = "The crew's database cannot be reached. Start the crew with: nightcrew run-engine"
        return HTMLResponse(pages.message("Not reachable", text), 503, _CONFINED)


def _overview(source: Source, request: Request) -> str:
    return pages.overview(source.figures(), source.present())


def _tasks(source: Source, request: Request) -> str:
    chosen = {name: request.query_params.get(name, "").strip() for name in ("repo", "batch", "status")}
    if chosen["status"] and chosen["status"] not in set(TaskStatus):
        raise BadInput(f"there is no status {chosen['status']}: choose one of {', '.join(TaskStatus)}")
    queue = TaskQueue(source.store, source.settings.max_unfinished_tasks)
    status = TaskStatus(chosen["status"]) if chosen["status"] else None
    found = queue.list(status, MOST_TASKS, batch=chosen["batch"] or None, repo=chosen["repo"] or None)
    totals = read_totals(source.store, repo=chosen["repo"], batch=chosen["batch"])
    return pages.task_list(found, totals, chosen, MOST_TASKS)


def _task(source: Source, request: Request) -> str:
    with source.stories.open() as ledger:
        story = read_story(source.store, ledger, source.settings, request.path_params["task_id"])
    return pages.task_story(story)


def _file(name: str, kind: str, request: Request) -> Response:
    text = (files("nightcrew.dashboard") / "templates" / name).read_text()
    return Response(text, media_type=kind, headers=_CONFINED)


def _metrics(source: Source, request: Request) -> Response:
    text = prometheus.exposition(source.series(SCRAPE_SECONDS), source.present())
    return Response(text, headers={"Content-Type": prometheus.CONTENT_TYPE})
