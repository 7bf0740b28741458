"""A client of GitHub's API for one repository: typed answers, and errors by what to do next."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from githubkit import GitHub, Response
from githubkit.exception import (
    GitHubException,
    RateLimitExceeded,
    RequestError,
    RequestFailed,
    RequestTimeout,
)
from githubkit.retry import RetryOption
from pydantic import BaseModel, SecretStr, ValidationError

from nightcrew.errors import BadInput, NightcrewError, Transient
from nightcrew.forge.place import Place
from nightcrew.forge.records import Pull, Repository, User
from nightcrew.plain_text import quoted

_SECONDS = 30.0
_LONGEST_WAIT = timedelta(seconds=20)  # for a limit, within a call
_SERVER_ERRORS = 2  # tries more after an error of the server
_PER_PAGE = 100
MOST_PAGES = 10


class GitHubRepository:
    """One repository on GitHub, as the token may see it. Close it after use."""

    def __init__(self, place: Place, token: SecretStr) -> None:
        self.place = place
        # No cache: each call is to see what is there now. The version of the API is the server's own.
        self._github = GitHub(
            token.get_secret_value(),
            base_url=place.api,
            user_agent="nightcrew",
            timeout=_SECONDS,
            http_cache=False,
            auto_retry=_retry,
        )

    def __enter__(self) -> Self:
        self._github.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._github.__exit__(*error)

    def repository(self) -> Repository:
        """The repository; if it was renamed, the later calls use its new name."""
        found = self.ask(Repository, "GET", "")
        owner, _, name = found.full_name.partition("/")
        self.place = Place(self.place.api, owner, name)
        return found

    def has_branch(self, name: str) -> bool:
        """True if the repository has a branch of this name."""
        try:
            self.call("GET", f"/git/ref/heads/{quote(name)}")
        except NotFound:
            return False
        return True

    def pulls(self, branch: str) -> list[Pull]:
        """The pull requests for a branch of the repository, the latest first, the closed ones too."""
        return self.all(Pull, "/pulls", {"head": f"{self.place.owner}:{branch}", "state": "all"}, pages=1)

    def create_pull(self, *, title: str, body: str, head: str, base: str, draft: bool) -> Pull:
        """Open a pull request.

        Raises:
            BadInput: there is one for the branch already, or the branches do not differ.
        """
        body_of_call = {"title": title, "body": body, "head": head, "base": base, "draft": draft}
        return self.ask(Pull, "POST", "/pulls", body_of_call)

    def edit_pull(self, number: int, *, title: str, body: str) -> Pull:
        """Change the title and the text of a pull request."""
        return self.ask(Pull, "PATCH", f"/pulls/{number}", {"title": title, "body": body})

    def add_labels(self, number: int, names: tuple[str, ...]) -> None:
        """Add labels to an issue or pull request; missing ones are created."""
        self.call("POST", f"/issues/{number}/labels", body={"labels": list(names)})

    def login(self) -> str | None:
        """The account of the token; None for a token that may not ask, such as one of an app."""
        try:
            return _read(User, self._send("GET", "/user", None, None)).login
        except BadInput:
            return None

    def ask[Record: BaseModel](
        self, kind: type[Record], method: str, path: str, body: dict[str, Any] | None = None
    ) -> Record:
        """The record that a call about the repository is answered with; raises like `call`."""
        return _read(kind, self.call(method, path, body=body))

    def all[Record: BaseModel](
        self, kind: type[Record], path: str, query: dict[str, Any], *, pages: int = MOST_PAGES
    ) -> list[Record]:
        """All records of a list of the repository, at most so many pages of it; raises like `call`."""
        found: list[Record] = []
        for number in range(1, pages + 1):
            rows = _read_all(kind, self.call("GET", path, query | {"per_page": _PER_PAGE, "page": number}))
            found += rows
            if len(rows) < _PER_PAGE:
                break
        return found

    def call(
        self, method: str, path: str, query: dict[str, Any] | None = None, body: dict[str, Any] | None = None
    ) -> Response[Any]:
        """The answer to a call about the repository; `path` begins after its name.

        Raises:
            NotFound, BadInput: GitHub refuses it. Transient: not now.
        """
        return self._send(method, f"/repos/{self.place.full_name}{path}", query, body)

    # -----------------------------------------------------------------------------------------------------

    def _send(
        self, method: str, path: str, query: dict[str, Any] | None, body: dict[str, Any] | None
    ) -> Response[Any]:
        try:
            return self._github.request(method, path, params=query, json=body)
        except GitHubException as error:
            raise _understood(error, self.place) from None


class NotFound(BadInput):
    """It is not there, or the token must not see it."""


# ---------------------------------------------------------------------------------------------------------


def _retry(error: GitHubException, tries: int) -> RetryOption:
    """Short waits happen within a call; long ones are for whoever called."""
    if isinstance(error, RateLimitExceeded):
        return RetryOption(tries < 1 and error.retry_after <= _LONGEST_WAIT, error.retry_after)
    if isinstance(error, RequestFailed) and error.response.status_code >= 500:
        return RetryOption(tries < _SERVER_ERRORS, timedelta(seconds=tries + 1))
    return RetryOption(False)


def _understood(error: GitHubException, place: Place) -> NightcrewError:
    """The error as one of ours; its sentence names the repository and what to do."""
    where = f"{place.full_name} on {place.api}"
    if isinstance(error, RateLimitExceeded):
        seconds = math.ceil(error.retry_after.total_seconds())
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        message = f"GitHub takes no more calls with this token until {until:%H:%M} UTC"
        return Transient(message, retry_after_seconds=seconds)
    if isinstance(error, RequestTimeout):
        return Transient(f"GitHub did not answer in {_SECONDS:.0f} seconds about {where}")
    if not isinstance(error, RequestFailed):
        cause = error.exc if isinstance(error, RequestError) else error
        return Transient(f"GitHub cannot be reached for {where}: {cause}")
    status, reason = error.response.status_code, _reason(error)
    if status >= 500:
        return Transient(f"GitHub has a fault (HTTP {status}) at {where}")
    if status == 401:
        return BadInput(f"GitHub refuses the token for {where} ({reason}): it was revoked or has expired")
    if status == 403:
        return BadInput(f"the token must not do this in {where} ({reason}): see its permissions")
    if status == 404:
        return NotFound(f"GitHub has no {where} that this token may see")
    return BadInput(f"GitHub refuses it (HTTP {status}) for {where}: {reason}")


def _reason(error: RequestFailed) -> str:
    """The server's message, with the first problem that it names."""
    try:
        found = error.response.json()
        problems = [one.get("message") or f"{one.get('field')} {one.get('code')}" for one in found["errors"]]
        return quoted("; ".join((str(found["message"]), *map(str, problems))))
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    try:
        return quoted(str(error.response.json()["message"]))
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.response.status_code}"


def _read[Record: BaseModel](kind: type[Record], answer: Response[Any]) -> Record:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError:
        raise Transient(f"GitHub's answer is no {kind.__name__}") from None


def _read_all[Record: BaseModel](kind: type[Record], answer: Response[Any]) -> list[Record]:
    try:
        rows = answer.json()
        return [kind.model_validate(row) for row in rows]
    except (ValidationError, ValueError, TypeError):
        raise Transient(f"GitHub's answer is no list of {kind.__name__}") from None
