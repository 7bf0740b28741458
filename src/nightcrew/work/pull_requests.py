"""Opens pull requests for delivered branches, with the token of the repository's address."""

from collections.abc import Iterator
from contextlib import contextmanager

from nightcrew.delivery.merge_queue import Ask, Publish
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.forge import merge_request
from nightcrew.forge.github import GitHubRepository
from nightcrew.forge.place import place_of
from nightcrew.forge.pull_request import publish
from nightcrew.queue.delivery import Delivery
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.work.outcome import Judged
from nightcrew.work.pull_page import pull_page


@contextmanager
def publisher(
    settings: Settings, queued: QueuedTask, trial: Judged, *, by_a_person: bool
) -> Iterator[Publish]:
    """What opens the pull request of a task, or edits it.

    Raises:
        BadInput: the repository is not on GitHub, or there is no token for it.
    """
    with opened(settings, queued.task.repo) as github:

        def published(delivery: Delivery) -> Delivery:
            page = pull_page(settings, queued, trial, delivery, by_a_person=by_a_person)
            return publish(github, delivery, page)

        yield published


def asker(settings: Settings, queued: QueuedTask, trial: Judged, *, by_a_person: bool) -> Ask:
    """What asks GitLab to open the merge request of a task."""

    def options(delivery: Delivery) -> tuple[str, ...]:
        return merge_request.options(pull_page(settings, queued, trial, delivery, by_a_person=by_a_person))

    return options


def opened(settings: Settings, repo: str) -> GitHubRepository:
    """The repository on GitHub at an address, with the token for it; raises like `publisher`."""
    place = place_of(repo)
    token = Credentials(settings.credentials_dir).token_of(repo)
    if token is None:
        raise BadInput(
            f"there is no token for {repo}: give it once in the address, as "
            "https://x-access-token:TOKEN@HOST/OWNER/NAME; it is removed from there and stored"
        )
    return GitHubRepository(place, token)
