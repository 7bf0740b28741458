"""One look at a watched repository: what is asked for becomes tasks, and our comments tell how it goes.

A second look at the same does nothing, whatever caused it: the schedule, a webhook, or a webhook sent again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightcrew.crew import dispatch
from nightcrew.crew.storage.database import ensure_database
from nightcrew.errors import BadInput, QueueFull
from nightcrew.forge.github import GitHubRepository
from nightcrew.ledger.delivery import deliver_from
from nightcrew.queue.pulls import Pulls, PullStatus
from nightcrew.queue.state_store import StateStore, create_schema, utc_now
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.watch.answer import answer_text, tell
from nightcrew.watch.asking import Asking
from nightcrew.watch.follow import follow, start
from nightcrew.watch.requests import Request, Requests
from nightcrew.watch.terms import Watch
from nightcrew.work.crew import open_crew
from nightcrew.work.pull_requests import opened
from nightcrew.work.recollection import learn_from_people
from nightcrew.work.work import Work

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=5)  # between two looks: GitHub's lists may lag, and clocks differ
_REFUSED = {PullStatus.CLOSED, PullStatus.REVERTED}
FIRST_LOOK = timedelta(days=1)  # how old a comment may be when a repository is first looked at


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found."""

    repo: str
    new: int = 0  # requests that became tasks
    refused: int = 0  # requests that became none
    written: int = 0  # comments that were written or edited
    decided: int = 0  # pull requests of ours that people opened, merged, closed or took over since
    merged: tuple[str, ...] = ()  # the tasks whose pull requests were merged
    rounds: int = 0  # tasks that go back to work because of a review or a check

    def __str__(self) -> str:
        return (
            f"{self.repo}: {self.new} new tasks, {self.refused} refused, {self.written} comments written, "
            f"{self.decided} pull requests changed, {self.rounds} go back to work"
        )


def look(settings: Settings, watch: Watch) -> Looked:
    """Look at a repository once; other processes of the crew that want to do the same wait.

    Raises:
        BadInput: it is not on GitHub, there is no token for it, or the token is refused.
        Transient: GitHub cannot be reached, or takes no more calls for now.
    """
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        requests = Requests(store)
        with requests.turn(watch.repo), opened(settings, watch.repo) as github:
            github.repository()  # follows a rename
            began = utc_now()
            pulls = Pulls(store)
            asking = Asking(github, watch, requests, pulls.open_numbers(watch.repo))
            refused = _take_in(requests, asking, watch.repo, began)
            decided, rounds = follow(github, pulls, watch, asking.may_ask)
            start(settings, rounds)
            _learn(settings, [queued for queued, now in decided if now in _REFUSED])
            deliver_from(store, settings.ledger_dir)
            queue = TaskQueue(store, settings.max_unfinished_tasks)
            new = sum(_is_submitted(settings, requests, one) for one in requests.open_ones(watch.repo))
            open_ones = requests.open_ones(watch.repo)
            written = sum(_is_written(github, requests, queue, pulls, one) for one in open_ones)
    merged = tuple(queued.task_id for queued, now in decided if now is PullStatus.MERGED)
    return Looked(watch.repo, new, refused, written, len(decided), merged, len(rounds))


def check(settings: Settings, watch: Watch) -> None:
    """Ask GitHub for the repository, so that a wrong token is known at once; raises like `look`."""
    with opened(settings, watch.repo) as github:
        github.repository()


# ---------------------------------------------------------------------------------------------------------


def _learn(settings: Settings, refused: Sequence[QueuedTask]) -> None:
    """Let the selector know of accepted changes that people closed or reverted."""
    if not refused:
        return
    with open_crew(settings) as crew:
        for queued in refused:
            work = Work(crew, queued)
            work.read_trials()
            if work.trials:
                candidates = crew.catalogue.candidates()
                learn_from_people(settings, candidates, queued.task, work.accepted_trial, work.trials)


def _take_in(requests: Requests, asking: Asking, repo: str, began: datetime) -> int:
    """Store what is asked for; returns how much of it becomes no task."""
    seen = requests.seen_until(repo)
    refused = 0
    since = seen - OVERLAP if seen else None
    for request in asking.found(since, since or began - FIRST_LOOK):
        if requests.keep(request) and request.task is None:
            refused += 1
            log.warning("%s: %s is refused: %s", request.key, request.asked_by, request.problem)
    requests.saw(repo, began)
    return refused


def _is_submitted(settings: Settings, requests: Requests, request: Request) -> bool:
    """Submit the task of a request that has none yet; a full queue is tried again at the next look."""
    if request.task is None or request.task_id is not None or request.problem:
        return False
    try:
        queued = dispatch.submit(settings, request.task)
    except QueueFull as error:
        log.warning("%s waits: %s", request.key, error)
        return False
    except BadInput as error:
        requests.update(request.key, problem=str(error))
        return False
    requests.update(request.key, task_id=queued.task_id)
    return True


def _is_written(
    github: GitHubRepository, requests: Requests, queue: TaskQueue, pulls: Pulls, request: Request
) -> bool:
    """Let our comment say how the request stands; it is closed once that is its end."""
    queued = queue.get(request.task_id) if request.task_id else None
    if queued is None and not request.problem:
        return False
    pull = pulls.get(request.task_id).status if request.task_id else PullStatus.OPEN
    written = tell(github, requests, request, answer_text(request, queued, pull))
    is_decided = pull not in {PullStatus.OPEN, PullStatus.TAKEN_OVER}
    has_pull = queued is not None and queued.delivery is not None and queued.delivery.pull_request
    if queued is None or (queued.status.is_final and (is_decided or not has_pull)):
        requests.update(request.key, is_open=False)
    return written.comment != request.comment
