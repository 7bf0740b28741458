"""The web server of the twin of GitHub: the API below `/api/v3`, as GitHub Enterprise has it, and git."""

import json
import logging
import re
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nightcrew.testing.github import issues, pulls, repositories
from nightcrew.testing.github.calls import Call
from nightcrew.testing.github.endpoint import Endpoint
from nightcrew.testing.github.git_door import serve_git
from nightcrew.testing.github.records import Records
from nightcrew.testing.github.replies import Refused, Reply, error, not_found
from nightcrew.testing.github.state import Access, Hub, Repository, Token
from nightcrew.testing.github.webhooks import delivery, send

log = logging.getLogger(__name__)

TWIN = "nightcrew-twin"
API = "/api/v3"
_SERVICES = ("git-upload-pack", "git-receive-pack")
_HEADERS = {"X-Served-By": TWIN, "X-GitHub-Media-Type": "github.v3; format=json"}

type Interruption = Callable[[], Reply | None]
"""What happens before a call is answered; a reply takes the place of the answer."""


class GitHubServer:
    """Answers the calls to one hub, one after the other."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.seen: list[tuple[str, str]] = []  # method and path of each call
        self._lock = threading.Lock()
        self.interruptions: list[tuple[str, re.Pattern[str], Interruption]] = []

    def before(self, method: str, path: str, action: Interruption) -> None:
        """Before each call of this method whose path matches the pattern, do this first."""
        self.interruptions.append((method, re.compile(path), action))

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [Route("/", self._front_page), Route(f"{API}/repositories/{{id:int}}", self._by_id())]
        for one in repositories.WITHOUT_REPOSITORY:
            routes.append(Route(f"{API}{one.path}", self._handler(one), methods=[one.method]))
        for one in (*issues.ENDPOINTS, *pulls.ENDPOINTS, *repositories.ENDPOINTS):
            path = f"{API}/repos/{{owner}}/{{name}}{one.path}"
            routes.append(Route(path, self._handler(one), methods=[one.method]))
        for service in ("info/refs", *_SERVICES):
            methods = ["GET"] if service == "info/refs" else ["POST"]
            routes.append(Route(f"/{{owner}}/{{name}}/{service}", self._git, methods=methods))
        return Starlette(routes=routes, exception_handlers={404: _unknown_path, 405: _unknown_path})

    # -----------------------------------------------------------------------------------------------------

    async def _front_page(self, request: Request) -> Response:
        what = "A local stand-in for GitHub; nothing leaves this machine."
        names = [one.full_name for one in self.hub.repositories.values()]
        return _send(Reply(200, {"service": TWIN, "what": what, "api": API, "repositories": names}))

    def _by_id(self) -> Callable[[Request], Awaitable[Response]]:
        show = next(one for one in repositories.ENDPOINTS if not one.path)
        return self._handler(show)

    def _handler(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(self._answer, endpoint, request, body)

        return handle

    def _answer(self, endpoint: Endpoint, request: Request, body: bytes) -> Response:
        with self._lock:
            try:
                reply, call = self._checked(endpoint, request, body)
            except Refused as refused:
                reply, call = refused.reply, None
            response = _send(reply, self._counted(request, reply))
            sent = self._events(endpoint, call, reply) if call and reply.status < 300 else ()
        for one in sent:  # outside of the lock: who hears of it may call at once
            threading.Thread(target=send, args=(one,), daemon=True).start()
        return response

    def _checked(self, endpoint: Endpoint, request: Request, body: bytes) -> tuple[Reply, Call]:
        self.seen.append((request.method, request.url.path))
        for method, path, action in self.interruptions:
            if method == request.method and path.search(request.url.path):
                instead = action()
                if instead is not None:
                    raise Refused(instead)
        token = self._token(request)
        if self.hub.calls_used >= self.hub.calls_per_hour and endpoint.path != "/rate_limit":
            raise Refused(error(403, f"API rate limit exceeded for user ID {self.hub.user_id(token.login)}."))
        found = self._repository(request, token)
        call = Call(
            hub=self.hub,
            records=Records(self.hub, f"{request.url.scheme}://{request.url.netloc}"),
            login=token.login,
            found=found,
            path=request.path_params,
            query=dict(request.query_params),
            body=_object(body),
            url=str(request.url.replace(query="")),
        )
        if endpoint.permissions and not any(
            token.permissions.get(one, Access.NONE) >= endpoint.access for one in endpoint.permissions
        ):
            raise Refused(error(403, "Resource not accessible by personal access token"))
        return endpoint.answer(call), call

    def _token(self, request: Request) -> Token:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = self.hub.tokens.get(value.strip()) if scheme.lower() in {"bearer", "token"} else None
        if token is None:
            word = "Bad credentials" if scheme else "Requires authentication"
            raise Refused(error(401, word))
        return token

    def _repository(self, request: Request, token: Token) -> Repository | None:
        """The repository of the path; an old name leads to the new one, by the id."""
        if "id" in request.path_params:
            return self.hub.repositories.get(int(request.path_params["id"]))
        if "owner" not in request.path_params:
            return None
        full_name = "{owner}/{name}".format(**request.path_params)
        found = self.hub.find(full_name)
        if found is not None and found.private and not any(token.permissions.values()):
            raise not_found()
        if found is None and (moved := self.hub.renamed(full_name)) is not None:
            rest = request.url.path.removeprefix(f"{API}/repos/{full_name}")
            place = str(request.url.replace(path=f"{API}/repos/{moved.full_name}{rest}"))
            if not rest:
                place = str(request.url.replace(path=f"{API}/repositories/{moved.id}"))
            known = error(301 if request.method == "GET" else 307, "Moved Permanently", url=place)
            raise Refused(Reply(known.status, known.body, {"Location": place}))
        return found

    def _counted(self, request: Request, reply: Reply) -> dict[str, str]:
        """The headers with the limits; a page that the client has, and a refused client, costs no call."""
        hub, headers = self.hub, dict[str, str]()
        if request.method == "GET" and reply.status == 200:
            headers["ETag"] = reply.tag
        is_known = request.headers.get("if-none-match") in {headers.get("ETag"), "*"}
        if not is_known and reply.status != 401 and not request.url.path.endswith("/rate_limit"):
            hub.calls_used += hub.calls_used < hub.calls_per_hour
        if is_known and "ETag" in headers:
            headers["X-Not-Modified"] = "1"
        return headers | {
            "X-RateLimit-Limit": str(hub.calls_per_hour),
            "X-RateLimit-Used": str(hub.calls_used),
            "X-RateLimit-Remaining": str(hub.calls_per_hour - hub.calls_used),
            "X-RateLimit-Reset": str(hub.reset_at),
            "X-RateLimit-Resource": "core",
        }

    def _events(self, endpoint: Endpoint, call: Call, reply: Reply) -> list[Any]:
        if call.found is None:
            return []
        rows = []
        for name in endpoint.events:
            event, _, action = name.partition(".")
            about = {
                "repository": call.records.repository(call.found),
                "sender": call.records.user(call.login),
            }
            payload: dict[str, Any] = about | ({"action": action} if action else {})
            if "number" in call.path:
                payload["issue"] = call.records.issue(call.found, call.issue)
            if isinstance(reply.body, Mapping):
                payload[_SUBJECTS.get(event, event)] = reply.body
            rows += [delivery(hook, event, payload) for hook in call.found.hooks if event in hook.events]
        return rows

    async def _git(self, request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(self._git_answer, request, body)

    def _git_answer(self, request: Request, body: bytes) -> Response:
        full_name = "{owner}/{name}".format(**request.path_params).removesuffix(".git")
        rest = "/" + request.url.path.split("/", 3)[3]
        service = request.query_params.get("service", rest[1:])
        with self._lock:
            self.seen.append((request.method, request.url.path))
            found = self.hub.find(full_name)
            if found is None and (moved := self.hub.renamed(full_name)) is not None:
                place = request.url.replace(path=f"/{moved.full_name}.git{rest}")
                return Response(status_code=301, headers={"Location": str(place)})
            query, headers = request.url.query, request.headers
            status, fields, content = serve_git(self.hub, found, service, rest, query, headers, body)
        return Response(content, status, {**fields, "X-Served-By": TWIN})


# ---------------------------------------------------------------------------------------------------------

_SUBJECTS = {"issue_comment": "comment", "issues": "issue", "pull_request_review": "review"}


def _object(body: bytes) -> Mapping[str, Any]:
    if not body:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        raise Refused(error(400, "Problems parsing JSON")) from None
    if not isinstance(found, dict):
        raise Refused(error(400, "Body should be a JSON object"))
    return found


def _send(reply: Reply, headers: Mapping[str, str] | None = None) -> Response:
    fields = {**_HEADERS, **reply.headers, **(headers or {})}
    if fields.pop("X-Not-Modified", None):
        return Response(status_code=304, headers=fields)
    content = reply.text()
    media = {"Content-Type": "application/json; charset=utf-8"} if content else {}
    return Response(content, reply.status, {**fields, **media})


async def _unknown_path(request: Request, problem: Exception) -> Response:
    return _send(error(404, "Not Found"))
