"""Drills: what happens in the middle of a round, while our answer to a review is delivered.

Each ends in the state that docs/from-issues.md names, and nothing is delivered twice.
"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from nightcrew.delivery.conflict import Conflict
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.queue.delivery import Delivery, DeliveryStatus
from nightcrew.queue.pulls import PullStatus
from nightcrew.queue.state_store import StateStore
from nightcrew.settings import DeliveryKind
from nightcrew.task import TaskStatus
from nightcrew.testing.github.replies import secondary_limit
from nightcrew.work.crew import Crew
from nightcrew.work.delivering import deliver_change, kept
from tests.execution.conftest import git
from tests.flows.builders import judged
from tests.forge.conftest import delivery, place, shop, twin
from tests.watch.test_follow import Followed, followed, priced

__all__ = ["delivery", "followed", "place", "shop", "twin"]


class Drill:
    """A pull request with a review, and the crew that answers it."""

    def __init__(self, followed: Followed, store: StateStore, folder: Path) -> None:
        self.followed, self.place = followed, followed.place
        followed.look()
        followed.review("mate", "Make it three.")
        assert followed.look() == (0, 1)
        self.branch = str(followed.task.delivery and followed.task.delivery.branch)
        judge = SimpleNamespace(judge_against=lambda base, task, patch: followed.shop._judge(base, patch))
        parts = {
            "settings": followed.delivered.settings,
            "store": store,
            "collector": MetricsCollector(folder / "ledger", "drill"),
            "validator": judge,
        }
        self.crew = cast(Crew, SimpleNamespace(**parts))
        queue = followed.shop.queue
        queue.update(followed.task_id, status=TaskStatus.RUNNING)
        number = queue.begin_attempt(followed.task_id)
        patch = followed.delivered.change(priced(3), "Another.").patch
        trial = judged()
        self.trial = replace(trial, attempt=replace(trial.attempt, patch=patch, number=number))

    def deliver(self) -> Delivery | Conflict:
        """Deliver the answer as the crew's step does; a person has the same by `nightcrew apply`."""
        queued = self.followed.task
        kind = DeliveryKind.PULL_REQUEST
        found = deliver_change(self.crew, queued, self.trial, kind, by_a_person=False)
        return found if isinstance(found, Conflict) else kept(self.crew, queued, found)

    def is_not_delivered(self, why: str) -> None:
        """The earlier change stays delivered, and the task says why the answer is not."""
        found = self.deliver()
        assert isinstance(found, Delivery) and found.status is DeliveryStatus.DELIVERED
        assert found.commit == self.followed.first and found.detail.startswith("round 1: not delivered: ")
        assert why in found.detail and self.place.token not in found.detail
        assert self.followed.task.delivery == found

    def is_delivered_once(self) -> None:
        """One pull request, with one more commit, however often it is tried."""
        for _ in range(2):
            found = self.deliver()
            assert isinstance(found, Delivery) and found.status is DeliveryStatus.DELIVERED, found
            assert (found.pull_request, found.revises) == (self.followed.number, self.followed.first)
        assert self.followed.show("shop.py") == "price = 3"
        assert len(self.followed.delivered.pulls()) == 1
        assert self.place.call("GET", f"/pulls/{self.followed.number}").json()["commits"] == 2


@pytest.fixture
def drill(followed: Followed, store: StateStore, tmp_path: Path) -> Drill:
    return Drill(followed, store, tmp_path)


def test_a_token_is_revoked_and_given_again(drill: Drill) -> None:
    hub, token = drill.place.twin.hub, drill.place.token
    hub.revoke(token)
    drill.is_not_delivered("Authentication failed")
    hub.give_token(token, "octo")
    drill.is_delivered_once()


def test_the_branch_is_protected(drill: Drill) -> None:
    drill.place.repository.protect(f"refs/heads/{drill.branch}")
    drill.is_not_delivered(f"does not take refs/heads/{drill.branch}")
    assert drill.followed.show("shop.py") == "price = 2"
    drill.place.repository.protect()
    drill.is_delivered_once()


def test_the_repository_is_renamed(drill: Drill) -> None:
    drill.place.twin.hub.rename(drill.place.repository, f"{drill.place.repository.name}-new")
    drill.is_delivered_once()


def test_githubs_limit_is_reached_after_the_push(drill: Drill) -> None:
    """The push is the answer; only the text of the pull request stays as it was."""
    name, hub = drill.place.repository.name, drill.place.twin.github
    hub.before("GET", f"{name}/pulls$", lambda: secondary_limit(900))
    found = drill.deliver()
    assert isinstance(found, Delivery) and found.status is DeliveryStatus.DELIVERED
    assert "keeps its old text: GitHub takes no more calls with this token until" in found.detail
    hub.interruptions.pop()
    drill.followed.shop.queue.update(drill.followed.task_id, status=TaskStatus.COMPLETED)
    assert drill.followed.look() == (0, 0) and drill.followed.status is PullStatus.OPEN
    drill.is_delivered_once()


def test_the_base_moves(drill: Drill) -> None:
    drill.place.push("topic", "other.txt", "other\n")
    git(drill.place.local, "push", "--quiet", drill.place.address, "topic:main")
    found = drill.deliver()
    assert isinstance(found, Delivery) and drill.followed.show("other.txt") == "other"
    assert drill.deliver() == found and len(drill.followed.delivered.pulls()) == 1


@pytest.mark.parametrize("push", ["back", "on"])
def test_a_person_pushes_by_force_or_on_top(drill: Drill, push: str) -> None:
    local, address = drill.place.local, drill.place.address
    git(local, "fetch", "--quiet", address, drill.branch)
    git(local, "checkout", "--quiet", "--detach", "FETCH_HEAD" if push == "on" else "main")
    (local / "mine.txt").write_text("mine\n")
    git(local, "add", "--all")
    git(local, "commit", "--quiet", "--message", "by hand")
    git(local, "push", "--quiet", "--force", address, f"HEAD:refs/heads/{drill.branch}")
    drill.is_not_delivered("was changed by a person")
    drill.followed.shop.queue.update(drill.followed.task_id, status=TaskStatus.COMPLETED)
    drill.followed.look()
    assert drill.followed.status is PullStatus.TAKEN_OVER
    assert drill.followed.show("mine.txt") == "mine" and len(drill.followed.delivered.pulls()) == 1


def test_the_branch_is_deleted(drill: Drill) -> None:
    git(drill.place.local, "push", "--quiet", drill.place.address, f":refs/heads/{drill.branch}")
    drill.is_not_delivered("is not there any more")
