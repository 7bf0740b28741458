"""Receives GitHub's webhooks: an event that is signed with the repository's secret lets us look at once.

Nothing in an event is believed: the look asks GitHub itself. So an event that is sent again changes nothing,
and one that is forged or too large is refused before it is parsed.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nightcrew.crew.status import status
from nightcrew.errors import Transient
from nightcrew.settings import Settings
from nightcrew.signature import HEADER, is_signed
from nightcrew.watch import watched
from nightcrew.watch.command import WORD
from nightcrew.watch.terms import hook_key

log = logging.getLogger(__name__)

MOST_BYTES = 2 * 1024 * 1024
_ALWAYS = {"pull_request", "pull_request_review", "check_suite", "status"}

type Start = Callable[[str, str], str]
"""Starts a look at the repository with a key, because of an event with this digest; says what it did."""


def is_hook(path: str) -> bool:
    """True for the paths that webhooks are sent to."""
    return path.startswith(watched.HOOKS)


def hooks(settings: Settings, start: Start | None = None) -> ASGIApp:
    """The application that receives webhooks; it needs no password, because each event is signed."""
    begin = start or (lambda key, digest: _start(settings, key, digest))

    async def receive_hook(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _answer(settings, Request(scope, receive), begin)
        await answer(scope, receive, send)

    return receive_hook


# ---------------------------------------------------------------------------------------------------------


async def _answer(settings: Settings, request: Request, begin: Start) -> Response:
    key = request.url.path.removeprefix(watched.HOOKS)
    if request.method != "POST":
        return _say(405, "webhooks are posted")
    secret = watched.hook_secret(settings, key) if key.isalnum() else None
    if secret is None:
        return _say(404, "no repository is watched here")
    body = await _body(request)
    if body is None:
        return _say(413, "the event is too large")
    if not is_signed(secret.get_secret_value(), body, request.headers.get(HEADER, "")):
        log.warning("an event for %s was refused: it is not signed with its secret", key)
        return _say(401, "the signature is wrong")
    event = request.headers.get("x-github-event", "")
    if not _matters(event, body):
        return _say(202, "nothing to do")
    try:
        return _say(202, await run_in_threadpool(begin, key, hashlib.sha256(body).hexdigest()))
    except Transient as error:
        log.warning("an event for %s waits for the next look: %s", key, error)
        return _say(503, "the crew cannot look now")


async def _body(request: Request) -> bytes | None:
    """The body; None if it is too large."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MOST_BYTES:
                return None
            parts.append(part)
    except ClientDisconnect:
        return None
    return b"".join(parts)


def _matters(event: str, body: bytes) -> bool:
    """False for events after which there is nothing to see, such as other people's comments."""
    if event in _ALWAYS:
        return True
    if event not in {"issues", "issue_comment"}:
        return False
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    content: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if event == "issues":
        return content.get("action") in {"labeled", "opened", "edited", "reopened", "closed"}
    comment = content.get("comment")
    return WORD in str(comment.get("body") if isinstance(comment, dict) else "")


def _start(settings: Settings, key: str, digest: str) -> str:
    api = status(settings).api()
    for watch, one in watched.all_watched(api):
        if hook_key(watch.repo) == key:
            if not one.active:
                return "watching is paused"
            watched.look_now(api, one, because=f"hook {digest}")
            return "looking"
    return "no repository is watched here"


def _say(status_code: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status_code)
