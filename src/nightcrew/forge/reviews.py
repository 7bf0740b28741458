"""What people and checks say about a pull request of ours, and whether it was merged or reverted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nightcrew.errors import BadInput
from nightcrew.forge.github import GitHubRepository
from nightcrew.forge.records import Checks, Commit, PullState, Remark, Review, Statuses

_FAILED = frozenset({"failure", "timed_out", "action_required"})
_MOST_TEXT = 3_000  # characters of one review or check
_REVIEW_STATES = frozenset({"CHANGES_REQUESTED", "COMMENTED"})


@dataclass(frozen=True, slots=True)
class Objection:
    """A review that asks for something, or a failing check; `by` is a login, empty for a check."""

    key: str  # names it for good
    by: str
    text: str


def state_of(github: GitHubRepository, number: int) -> PullState:
    """How a pull request stands."""
    return github.ask(PullState, "GET", f"/pulls/{number}")


def objections(github: GitHubRepository, pull: PullState) -> Sequence[Objection]:
    """The reviews that ask for something, and the failing checks of the newest commit."""
    return [*_of_reviews(github, pull.number), *_of_checks(github, pull.head.sha)]


def cut(text: str) -> str:
    """A text of others, at the length that is handed on."""
    return text[:_MOST_TEXT]


def is_reverted(github: GitHubRepository, pull: PullState, base: str | None, since: datetime) -> bool:
    """True if a commit of the base, after `since`, says that it takes the pull request back."""
    query = {"since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    if base not in {None, "HEAD"}:
        query["sha"] = str(base)
    commits = {f"This reverts commit {sha}" for sha in (pull.merge_commit_sha, pull.head.sha) if sha}
    number = f"Reverts {github.place.full_name}#{pull.number}"
    for one in github.all(Commit, "/commits", query, pages=3):
        message = one.commit.message
        if any(words in message for words in commits) or number in message.split("\n"):
            return True
    return False


# ---------------------------------------------------------------------------------------------------------


def _of_reviews(github: GitHubRepository, number: int) -> list[Objection]:
    reviews = [one for one in github.all(Review, f"/pulls/{number}/reviews", {}) if one.user is not None]
    asking = [one for one in reviews if one.state in _REVIEW_STATES]
    remarks = github.all(Remark, f"/pulls/{number}/comments", {}) if asking else []
    found = []
    for one in asking:
        lines = [
            f"{mark.path}, line {mark.line}: {mark.body}"
            for mark in remarks
            if mark.pull_request_review_id == one.id
        ]
        text = "\n".join(filter(None, [(one.body or "").strip(), *lines]))
        if text or one.state == "CHANGES_REQUESTED":
            login = one.user.login if one.user else ""
            found.append(Objection(f"review {one.id}", login, cut(text) or "asks for changes"))
    return found


def _of_checks(github: GitHubRepository, sha: str) -> list[Objection]:
    """Nothing while a check still runs, so that one round answers all; a token may not see them."""
    found = []
    try:
        runs = github.ask(Checks, "GET", f"/commits/{sha}/check-runs?per_page=100").check_runs
        if any(run.status != "completed" for run in runs):
            return []
        for run in runs:
            if run.conclusion in _FAILED:
                parts = (run.output.title, run.output.summary, run.output.text)
                found.append(_failed(f"check {run.id}", run.name, "\n".join(filter(None, parts))))
    except BadInput:
        pass
    try:
        for one in github.ask(Statuses, "GET", f"/commits/{sha}/status").statuses:
            if one.state in {"failure", "error"}:
                found.append(_failed(f"status {one.id}", one.context, one.description or ""))
    except BadInput:
        pass
    return found


def _failed(key: str, name: str, text: str) -> Objection:
    return Objection(key, "", f"The check {name} fails. {text[-_MOST_TEXT:]}".strip())
