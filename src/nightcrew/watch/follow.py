"""Follows our pull requests until people have decided: reviews and failing checks become rounds of work.

A person's push to the branch ends our part; merged, closed and reverted are recorded, for the ledger.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from nightcrew.crew import dispatch
from nightcrew.errors import BadInput, NightcrewError
from nightcrew.forge import issues, reviews
from nightcrew.forge.github import GitHubRepository, NotFound
from nightcrew.forge.records import PullState
from nightcrew.forge.reviews import Objection
from nightcrew.plain_text import harmless
from nightcrew.queue.delivery import DeliveryStatus
from nightcrew.queue.pulls import Followed, Pulls, PullStatus
from nightcrew.queue.state_store import utc_now
from nightcrew.queue.task_table import QueuedTask
from nightcrew.secrets.redaction import redact
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus
from nightcrew.watch.command import asked_of_us
from nightcrew.watch.terms import Watch

log = logging.getLogger(__name__)

REVERTED_WITHIN = timedelta(days=30)
_MOST_PATCH = 12_000
_MOST_FEEDBACK = 8_000

type MayAsk = Callable[[str], bool]
"""True if the account with this login may ask the crew for something."""


def follow(
    github: GitHubRepository, pulls: Pulls, watch: Watch, may_ask: MayAsk
) -> tuple[Sequence[tuple[QueuedTask, PullStatus]], Sequence[QueuedTask]]:
    """Look at our pull requests: those that changed, and the tasks that go back to work.

    Raises:
        Transient: GitHub cannot be reached, or takes no more calls for now.
    """
    changed, rounds = list[tuple[QueuedTask, PullStatus]](), list[QueuedTask]()
    for queued, known in pulls.to_follow(watch.repo, utc_now() - REVERTED_WITHIN):
        number = queued.delivery.pull_request if queued.delivery else None
        if number is None:
            continue
        try:
            pull = reviews.state_of(github, number)
        except NotFound:
            log.warning("pull request #%s of %s is not there any more", number, watch.repo)
            continue
        now = _status(github, queued, known, pull)
        if now is not known.status or known.changed_at is None:
            pulls.record(queued, now, pull.merge_commit_sha if pull.merged else None)
            changed.append((queued, now))
            log.info("task %s: its pull request #%s is %s", queued.task_id, number, now)
        if now is PullStatus.OPEN and (begun := _next_round(github, pulls, watch, may_ask, queued, pull)):
            rounds.append(begun)
    return changed, rounds


def start(settings: Settings, tasks: Sequence[QueuedTask]) -> None:
    """Start the tasks that go back to work; a running engine starts those that cannot be started now."""
    if not tasks:
        return
    try:
        dispatch.dispatch_pending(settings)
    except NightcrewError as error:
        log.warning("%s tasks wait to be started: %s", len(tasks), error)


# ---------------------------------------------------------------------------------------------------------


def _status(github: GitHubRepository, queued: QueuedTask, known: Followed, pull: PullState) -> PullStatus:
    if pull.merged:
        since = known.changed_at or utc_now() - REVERTED_WITHIN
        base = queued.task.base
        is_back = known.status is PullStatus.MERGED and _reverted(github, pull, base, since)
        return PullStatus.REVERTED if is_back else PullStatus.MERGED
    if pull.state != "open":
        return PullStatus.CLOSED
    ours = queued.delivery
    at_rest = queued.status is TaskStatus.COMPLETED and ours and ours.status is DeliveryStatus.DELIVERED
    if known.status is PullStatus.TAKEN_OVER or (at_rest and ours and pull.head.sha != ours.commit):
        return PullStatus.TAKEN_OVER
    return PullStatus.OPEN


def _reverted(github: GitHubRepository, pull: PullState, base: str, since: datetime) -> bool:
    try:
        return reviews.is_reverted(github, pull, base, since - timedelta(minutes=5))
    except BadInput:  # the base is no branch any more
        return False


def _next_round(
    github: GitHubRepository,
    pulls: Pulls,
    watch: Watch,
    may_ask: MayAsk,
    queued: QueuedTask,
    pull: PullState,
) -> QueuedTask | None:
    known = pulls.get(queued.task_id)
    if queued.status is not TaskStatus.COMPLETED or known.rounds >= watch.rounds:
        return None
    words = [*reviews.objections(github, pull), *_of_conversation(github, pull.number)]
    found = [one for one in words if one.key not in known.answered]
    heard = [one for one in found if not one.by or may_ask(one.by)]
    if not heard:
        return None
    return pulls.begin_round(queued, _feedback(queued, heard), [one.key for one in heard])


def _of_conversation(github: GitHubRepository, number: int) -> list[Objection]:
    """The comments that are meant for us: people may talk with each other too."""
    return [
        Objection(f"comment {one.id}", one.user.login, reviews.cut(text))
        for one in issues.comments_on(github, number)
        if one.user is not None and (text := asked_of_us(one.body or ""))
    ]


def _feedback(queued: QueuedTask, heard: Sequence[Objection]) -> str:
    """What the next attempt gets to know: its earlier change, and what was objected to it."""
    try:
        patch = queued.read_change()
    except OSError:
        patch = ""
    shown = patch if len(patch) <= _MOST_PATCH else f"{patch[:_MOST_PATCH]}\n(the rest is left out)"
    texts = [f"{one.by or 'A check'}: {one.text}" for one in heard]
    return redact(
        harmless(
            "An earlier change for this task was accepted and is a pull request. Its reviewers object:\n\n"
            + "\n\n".join(texts)[:_MOST_FEEDBACK]
            + "\n\nMake the whole change again, on the files as they are, with what they ask for. "
            f"This was the earlier change:\n{shown}"
        )
    )
