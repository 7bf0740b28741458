"""Our one comment about a request: written once, edited as the work goes on, and at its end."""

import hashlib
import logging

from nightcrew.forge import issues
from nightcrew.forge.github import GitHubRepository, NotFound
from nightcrew.plain_text import code_span, comment_text
from nightcrew.queue.delivery import DeliveryStatus
from nightcrew.queue.pulls import PullStatus
from nightcrew.queue.task_table import QueuedTask
from nightcrew.secrets.redaction import redact
from nightcrew.task import TaskStatus
from nightcrew.watch.command import WORD
from nightcrew.watch.requests import Request, Requests

log = logging.getLogger(__name__)

_STATES = {
    TaskStatus.PENDING: "It waits in the queue.",
    TaskStatus.QUEUED: "It waits in the queue.",
    TaskStatus.RUNNING: "It is being worked on.",
    TaskStatus.NEEDS_REVIEW: "It waits for a person of the crew: not everything could be measured.",
    TaskStatus.CANCELLED: "It was cancelled.",
}
_DECIDED = {
    PullStatus.OPEN: "",
    PullStatus.TAKEN_OVER: ", which a person goes on with",
    PullStatus.MERGED: ", which was merged",
    PullStatus.CLOSED: ", which was closed",
    PullStatus.REVERTED: ", which was merged and reverted",
}

_HOW_TO_ASK = f" A review there, or a comment that begins with `{WORD}`, lets it be worked on again."


def answer_text(request: Request, queued: QueuedTask | None, pull: PullStatus = PullStatus.OPEN) -> str:
    """What our comment says now; nothing in it is markup or calls people."""
    mark = f"<!-- nightcrew request={hashlib.sha256(request.key.encode()).hexdigest()[:16]} -->"
    if queued is None:
        return f"{mark}\n**Nightcrew** cannot take this up: {comment_text(request.problem)}"
    task = queued.task
    about = f" about {code_span(task.target_file)}" if task.target_file else ""
    asked = f"as {comment_text(request.asked_by)} asked"
    lines = [
        mark,
        f"**Nightcrew** has taken this up as task {code_span(queued.task_id)} "
        f"({task.task_type}{about}), {asked}.",
        "",
        _state(queued, pull),
    ]
    if queued.attempts:
        lines += ["", f"Attempts: {queued.attempts}. Cost: {queued.cost_usd} USD."]
    return redact("\n".join(lines))


def tell(github: GitHubRepository, requests: Requests, request: Request, text: str) -> Request:
    """Write our comment, or edit it if its text has changed; a request never gets a second one.

    Raises:
        Transient: not now. BadInput: the token must not write comments.
    """
    if request.comment == text:
        return request
    number = request.comment_id or _own_comment(github, request.issue, text.partition("\n")[0])
    if number is not None:
        try:
            issues.edit_comment(github, number, text)
        except NotFound:  # a person deleted it, and wants none
            log.info("our comment on issue %s is gone, and no other one is written", request.issue)
        return requests.update(request.key, comment_id=number, comment=text)
    made = issues.add_comment(github, request.issue, text)
    return requests.update(request.key, comment_id=made.id, comment=text)


# ---------------------------------------------------------------------------------------------------------


def _own_comment(github: GitHubRepository, issue: int, mark: str) -> int | None:
    """The comment that a process wrote and ended before it could store its number."""
    login = github.login()
    for one in issues.comments_on(github, issue) if login else ():
        if one.user is not None and one.user.login == login and (one.body or "").startswith(mark):
            return one.id
    return None


def _state(queued: QueuedTask, pull: PullStatus) -> str:
    known = queued.delivery
    if queued.status is TaskStatus.FAILED:
        return f"It failed ({queued.failure_reason}), and changed nothing: {comment_text(queued.detail)}"
    if queued.status is not TaskStatus.COMPLETED:
        which = f" This is round {queued.round.number}, which answers its reviews." if queued.round else ""
        return f"{_STATES[queued.status]}{which}"
    if known is not None and known.pull_request is not None:
        number = f"pull request #{known.pull_request}"
        failed = queued.round is not None and known.attempt <= queued.round.since
        why = " Its last review led to no other change that could be accepted." if failed else ""
        how = _HOW_TO_ASK if pull is PullStatus.OPEN else ""
        return f"The change was accepted on its evidence: see {number}{_DECIDED[pull]}.{why}{how}"
    if known is not None and known.status is DeliveryStatus.DELIVERED:
        return f"The change was accepted on its evidence: see branch {code_span(known.branch or '')}."
    why = f" {comment_text(known.detail)}" if known is not None else ""
    return f"The change was accepted, and the crew has it as a patch.{why}"
