"""GitHub's replies: errors in its forms, pages with `Link` headers, and `ETag`s."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

DOCUMENTATION = "https://docs.github.com/rest"
MOST_PER_PAGE = 100
_USUAL_PER_PAGE = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a call."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> bytes:
        """The body as it is sent."""
        return b"" if self.body is None else json.dumps(self.body).encode()

    @property
    def tag(self) -> str:
        """The weak ETag of the body."""
        return f'W/"{hashlib.sha256(self.text()).hexdigest()}"'


class Refused(Exception):
    """A call that GitHub refuses; it carries the reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def error(status: int, message: str, **more: Any) -> Reply:
    """An error in GitHub's form."""
    body = {"message": message, **more, "documentation_url": DOCUMENTATION, "status": str(status)}
    return Reply(status, body)


def not_found() -> Refused:
    """What is not there, or must not be seen with this token."""
    return Refused(error(404, "Not Found"))


def invalid(resource: str, field_name: str, code: str, message: str = "") -> Refused:
    """A value that is not taken: `code` is `missing_field`, `invalid`, `already_exists` or `custom`."""
    problem = {"resource": resource, "code": code}
    problem |= {"message": message} if message else {"field": field_name}
    return Refused(error(422, "Validation Failed", errors=[problem]))


def secondary_limit(seconds: int) -> Reply:
    """Too many calls at once; the client has to wait so long."""
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    known = error(403, message)
    return Reply(known.status, known.body, {"Retry-After": str(seconds)})


def page(rows: Sequence[Any], query: Mapping[str, str], url: str) -> Reply:
    """One page of a list, with links to the others."""
    size = min(max(_number(query.get("per_page"), _USUAL_PER_PAGE), 1), MOST_PER_PAGE)
    number = max(_number(query.get("page"), 1), 1)
    last = max(-(-len(rows) // size), 1)
    places = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    wanted = [name for name in ("prev", "first") if number > 1] + [
        name for name in ("next", "last") if number < last
    ]
    links = [f'<{url}?{urlencode({**query, "page": str(places[name])})}>; rel="{name}"' for name in wanted]
    headers = {"Link": ", ".join(links)} if links else {}
    return Reply(200, list(rows[(number - 1) * size : number * size]), headers)


# ---------------------------------------------------------------------------------------------------------


def _number(text: str | None, usual: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 9 else usual
