"""Opens the pull request for a delivered branch, or edits the one that is there: never a second one."""

import logging
from dataclasses import dataclass, replace

from nightcrew.errors import BadInput, NightcrewError
from nightcrew.forge.github import GitHubRepository
from nightcrew.forge.records import Pull
from nightcrew.queue.delivery import Delivery, DeliveryStatus

log = logging.getLogger(__name__)

MOST_BODY = 60_000  # characters; GitHub allows 65,536


@dataclass(frozen=True, slots=True)
class Page:
    """What a pull request says, and how it is opened."""

    title: str
    body: str
    base: str  # the branch that it is for; HEAD, or what is no branch: the default branch
    draft: bool
    labels: tuple[str, ...]


def publish(github: GitHubRepository, delivery: Delivery, page: Page) -> Delivery:
    """The delivery with its pull request. If GitHub refuses or fails, it says why and what to do.

    A pull request that a person has closed or merged stays as it is.
    """
    if delivery.status is DeliveryStatus.DELIVERED and delivery.pull_request is not None:
        return delivery
    try:
        pull = _opened(github, delivery.branch or "", page)
    except NightcrewError as error:
        if delivery.revises and delivery.pull_request is not None:  # the push has changed it already
            detail = f"delivered to pull request #{delivery.pull_request}, which keeps its old text: {error}"
            return replace(delivery, status=DeliveryStatus.DELIVERED, detail=detail)
        detail = (
            f"the branch {delivery.branch} is there, and has no pull request yet: {error}; then run "
            "'nightcrew apply TASK_ID --pull-request'"
        )
        return replace(delivery, status=DeliveryStatus.NOT_DELIVERED, detail=detail)
    detail = f"delivered as pull request #{pull.number} of {github.place.full_name}: {pull.html_url}"
    return replace(
        delivery,
        status=DeliveryStatus.DELIVERED,
        detail=detail,
        pull_request=pull.number,
        url=pull.html_url,
    )


# ---------------------------------------------------------------------------------------------------------


def _opened(github: GitHubRepository, branch: str, page: Page) -> Pull:
    default = github.repository().default_branch
    pull = _known(github, branch)
    if pull is None:
        is_branch = page.base not in {"HEAD", default} and github.has_branch(page.base)
        base = page.base if is_branch else default
        try:
            pull = github.create_pull(
                title=page.title, body=page.body, head=branch, base=base, draft=page.draft
            )
        except BadInput:
            pull = _known(github, branch)  # another process, or our own call whose answer was lost
            if pull is None:
                raise
    if pull.state != "open":
        return pull
    if (pull.title, _lines(pull.body or "")) != (page.title, _lines(page.body)):
        pull = github.edit_pull(pull.number, title=page.title, body=page.body)
    missing = tuple(name for name in page.labels if name not in {label.name for label in pull.labels})
    if missing:
        github.add_labels(pull.number, missing)
    return pull


def _known(github: GitHubRepository, branch: str) -> Pull | None:
    """The open pull request for the branch, else the latest one."""
    found = github.pulls(branch)
    return next((one for one in found if one.state == "open"), found[0] if found else None)


def _lines(text: str) -> list[str]:
    return text.strip().splitlines()  # GitHub may keep other line ends
