"""Issues and comments on GitHub: the requests in them, and our one comment about it."""

from datetime import UTC, datetime
from urllib.parse import quote

from nightcrew.forge.github import GitHubRepository, NotFound
from nightcrew.forge.records import Comment, Event, Issue, Permission

MAY_WRITE = frozenset({"admin", "maintain", "write"})


def labelled(github: GitHubRepository, label: str, since: datetime | None) -> list[Issue]:
    """The open issues with a label that were changed since then; pull requests are left out."""
    query = {"labels": label, "state": "open", "sort": "updated", "direction": "asc", **_since(since)}
    return [one for one in github.all(Issue, "/issues", query) if one.pull_request is None]


def comments(github: GitHubRepository, since: datetime | None) -> list[Comment]:
    """The comments on all issues and pull requests that were written or changed since then."""
    return github.all(Comment, "/issues/comments", {"sort": "updated", "direction": "asc", **_since(since)})


def comments_on(github: GitHubRepository, issue: int) -> list[Comment]:
    """The comments on one issue, the oldest first."""
    return github.all(Comment, f"/issues/{issue}/comments", {})


def issue(github: GitHubRepository, number: int) -> Issue:
    """One issue, or the issue of a pull request."""
    return github.ask(Issue, "GET", f"/issues/{number}")


def labelled_by(github: GitHubRepository, number: int, label: str) -> str | None:
    """The login of whoever gave the issue the label last; None if it is not known."""
    events = [
        one
        for one in github.all(Event, f"/issues/{number}/events", {})
        if one.event == "labeled" and one.label is not None and one.label.name.lower() == label.lower()
    ]
    actor = events[-1].actor if events else None
    return actor.login if actor else None


def may_write(github: GitHubRepository, login: str) -> bool:
    """True if the user may push to the repository."""
    try:
        path = f"/collaborators/{quote(login, safe='')}/permission"
        return github.ask(Permission, "GET", path).permission in MAY_WRITE
    except NotFound:
        return False


def add_comment(github: GitHubRepository, issue: int, text: str) -> Comment:
    """Write a comment."""
    return github.ask(Comment, "POST", f"/issues/{issue}/comments", {"body": text})


def edit_comment(github: GitHubRepository, comment: int, text: str) -> Comment:
    """Change one of our comments."""
    return github.ask(Comment, "PATCH", f"/issues/comments/{comment}", {"body": text})


# ---------------------------------------------------------------------------------------------------------


def _since(moment: datetime | None) -> dict[str, str]:
    return {"since": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")} if moment else {}
