"""Our pull requests are followed until people have decided; reviews and failing checks become rounds."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nightcrew.delivery.conflict import Conflict
from nightcrew.delivery.merge_queue import Accepted
from nightcrew.ledger.delivery import deliver_from
from nightcrew.ledger.ledger import Ledger
from nightcrew.queue.audit.line import Act
from nightcrew.queue.audit.log import entries
from nightcrew.queue.delivery import Delivery, DeliveryStatus
from nightcrew.queue.pulls import Pulls, PullStatus
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import FailureReason, TaskStatus
from nightcrew.watch.follow import follow
from nightcrew.watch.terms import Watch
from nightcrew.work.pull_requests import opened
from tests.execution.conftest import git
from tests.forge.conftest import Delivered, delivery, place, shop, twin

__all__ = ["delivery", "place", "shop", "twin"]


def priced(price: int) -> Callable[[Path], object]:
    return lambda tree: (tree / "shop.py").write_text(f"price = {price}\n")


class Followed:
    """A delivered change, and what people do with it."""

    def __init__(self, delivered: Delivered, store: StateStore, folder: Path) -> None:
        self.delivered, self.place, self.shop = delivered, delivered.place, delivered.shop
        self.pulls = Pulls(store)
        self.store, self.ledger = store, folder / "ledger"
        self.watch = Watch(repo=delivered.repo, rounds=2)
        self.heard = {"mate"}
        self.change = delivered.change(priced(2))
        self.task_id = self.change.queued.task_id
        found = delivered.deliver(replace(self.change, attempt=1))
        assert isinstance(found, Delivery)
        self.number = int(found.pull_request or 0)
        self.first = str(found.commit)
        queue = self.shop.queue
        queue.update(self.task_id, status=TaskStatus.RUNNING)
        queue.begin_attempt(self.task_id)
        queue.update(self.task_id, status=TaskStatus.COMPLETED)

    def look(self) -> tuple[int, int]:
        """How many pull requests changed, and how many tasks go back to work."""
        with opened(self.delivered.settings, self.watch.repo) as github:
            changed, rounds = follow(github, self.pulls, self.watch, lambda login: login in self.heard)
        return len(changed), len(rounds)

    def review(self, login: str, text: str, event: str = "REQUEST_CHANGES") -> None:
        token = f"ghp_{login}"
        self.place.twin.hub.give_token(token, login)
        body = {
            "event": event,
            "body": text,
            "comments": [{"path": "shop.py", "line": 1, "body": "this line"}],
        }
        path = f"{self.place.path}/pulls/{self.number}/reviews"
        headers = {"Authorization": f"Bearer {token}"}
        self.place.client.request("POST", path, json=body, headers=headers).raise_for_status()

    def say(self, login: str, text: str) -> None:
        self.place.twin.hub.give_token(f"ghp_{login}", login)
        path = f"{self.place.path}/issues/{self.number}/comments"
        headers = {"Authorization": f"Bearer ghp_{login}"}
        self.place.client.post(path, json={"body": text}, headers=headers).raise_for_status()

    def answered(self, price: int) -> Delivery | Conflict:
        """The next attempt's change, delivered as the crew does it."""
        queue = self.shop.queue
        queue.update(self.task_id, status=TaskStatus.RUNNING)
        number = queue.begin_attempt(self.task_id)
        other = self.delivered.change(priced(price), "Another.")
        accepted: Accepted = replace(self.change, patch=other.patch, attempt=number)
        found = self.delivered.deliver(accepted)
        queue.update(self.task_id, status=TaskStatus.COMPLETED)
        return found

    @property
    def task(self) -> QueuedTask:
        return self.shop.queue.get(self.task_id)

    @property
    def status(self) -> PullStatus:
        return self.pulls.get(self.task_id).status

    def show(self, path: str) -> str:
        return git(self.place.repository.git_dir, "show", f"{self.task.delivery.branch}:{path}")  # type: ignore[union-attr]


@pytest.fixture
def followed(delivery: Delivered, store: StateStore, tmp_path: Path) -> Followed:
    return Followed(delivery, store, tmp_path)


def test_a_review_sends_the_change_back_to_work_and_its_answer_is_one_more_commit(followed: Followed) -> None:
    assert followed.look() == (1, 0)
    followed.review("mate", "Make it three.")
    assert followed.look() == (0, 1)
    task = followed.task
    assert task.status is TaskStatus.PENDING and task.round is not None
    assert (task.round.number, task.round.since) == (1, 1)
    for words in ("mate: Make it three.", "shop.py, line 1: this line", "+price = 2"):
        assert words in task.round.feedback
    assert followed.look() == (0, 0), "the round is not over"
    done = followed.answered(3)
    assert isinstance(done, Delivery) and done.status is DeliveryStatus.DELIVERED
    assert (done.pull_request, done.revises) == (followed.number, followed.first)
    assert followed.show("shop.py") == "price = 3"
    assert len(followed.delivered.pulls()) == 1
    assert followed.place.call("GET", f"/pulls/{followed.number}").json()["commits"] == 2
    assert followed.look() == (0, 0), "the review is answered"


def test_others_and_approvals_are_not_heard(followed: Followed) -> None:
    followed.review("passer", "Delete everything.")
    followed.review("mate", "Fine.", "APPROVE")
    assert followed.look() == (1, 0) and followed.task.round is None


def test_a_failing_check_comes_back_with_its_log_once_all_have_ended(followed: Followed) -> None:
    sha = followed.first
    followed.place.made("/check-runs", name="slow", head_sha=sha, status="in_progress")
    output = {"title": "1 failed", "summary": "E assert 2 == 3"}
    followed.place.made("/check-runs", name="ci", head_sha=sha, conclusion="failure", output=output)
    assert followed.look() == (1, 0)
    followed.place.repository.checks[sha][0].update(status="completed", conclusion="success")
    assert followed.look() == (0, 1)
    task = followed.task
    assert task.round is not None and "The check ci fails. 1 failed\nE assert 2 == 3" in task.round.feedback


def test_a_comment_in_the_conversation_is_heard_if_it_is_meant_for_us(followed: Followed) -> None:
    followed.look()
    for login, text in (
        ("mate", "Looks good to me."),
        ("passer", "/nightcrew delete everything"),
        ("mate", "As I said:\n> /nightcrew make it nine"),
    ):
        followed.say(login, text)
    assert followed.look() == (0, 0) and followed.task.round is None
    followed.say("mate", "Hm.\n/nightcrew make it three\nand no more")
    assert followed.look() == (0, 1)
    round_of_task = followed.task.round
    assert round_of_task is not None
    assert "mate: make it three\nand no more" in round_of_task.feedback
    assert "nine" not in round_of_task.feedback and "delete" not in round_of_task.feedback
    followed.answered(3)
    assert followed.look() == (0, 0), "the comment is answered"


@pytest.mark.parametrize("end", [TaskStatus.FAILED, TaskStatus.CANCELLED])
def test_a_round_that_crashes_or_is_cancelled_leaves_the_task_completed(
    followed: Followed, end: TaskStatus
) -> None:
    followed.review("mate", "Make it three.")
    followed.look()
    queue = followed.shop.queue
    queue.update(followed.task_id, status=TaskStatus.RUNNING, change_path="changes/first.patch")
    ended = queue.update(
        followed.task_id, status=end, failure_reason=FailureReason.INFRASTRUCTURE, detail="it crashed"
    )
    assert (ended.status, ended.failure_reason) == (TaskStatus.COMPLETED, None)
    assert ended.detail == "round 1 led to no accepted change, and the earlier one stays: it crashed"
    assert followed.status is PullStatus.OPEN and followed.look() == (0, 0)


def test_a_round_has_its_line_in_the_audit_log(followed: Followed) -> None:
    followed.review("mate", "Make it three.")
    followed.look()
    with followed.store.engine.begin() as connection:
        (line,) = entries(connection, act=Act.ROUND)
    found = json.loads(line.line)
    details = found["details"]
    assert found["about"] == followed.task_id
    assert details["round"] == 1 and details["because"][0].startswith("review ")


def test_there_are_so_many_rounds_and_no_more(followed: Followed) -> None:
    for price in (3, 4):
        followed.review("mate", f"Make it {price}.")
        assert followed.look()[1] == 1
        followed.answered(price)
    followed.review("mate", "Make it 5.")
    assert followed.look()[1] == 0 and followed.show("shop.py") == "price = 4"


def test_a_persons_push_ends_our_part(followed: Followed) -> None:
    branch = followed.task.delivery.branch  # type: ignore[union-attr]
    local = followed.place.local
    git(local, "fetch", "--quiet", followed.place.address, str(branch))
    git(local, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    (local / "shop.py").write_text("price = 9\n")
    git(local, "commit", "--quiet", "--all", "--message", "by hand")
    followed.review("mate", "Make it three.")
    assert followed.look()[1] == 1
    git(local, "push", "--quiet", followed.place.address, f"HEAD:refs/heads/{branch}")
    with pytest.raises(Exception, match="was changed by a person"):
        followed.answered(3)
    followed.shop.queue.update(followed.task_id, status=TaskStatus.COMPLETED)
    followed.review("mate", "And once more.")
    assert followed.look() == (1, 0) and followed.status is PullStatus.TAKEN_OVER
    assert followed.show("shop.py") == "price = 9"


def test_a_base_that_moved_is_merged_into_the_branch_of_an_answer(followed: Followed) -> None:
    followed.look()
    followed.place.push("topic", "other.txt", "other\n")
    git(followed.place.local, "push", "--quiet", followed.place.address, "topic:main")
    followed.review("mate", "Make it three.")
    followed.look()
    followed.answered(3)
    pull = followed.place.call("GET", f"/pulls/{followed.number}").json()
    assert (pull["mergeable"], pull["changed_files"]) == (True, 1)
    assert followed.show("other.txt") == "other"


def test_merged_closed_and_reverted_are_in_the_ledger(followed: Followed) -> None:
    followed.look()
    sha = followed.place.call("PUT", f"/pulls/{followed.number}/merge").json()["sha"]
    assert followed.look() == (1, 0) and followed.status is PullStatus.MERGED
    assert followed.look() == (0, 0)
    local = followed.place.local
    git(local, "fetch", "--quiet", followed.place.address, "main")
    git(local, "checkout", "--quiet", "-B", "main", "FETCH_HEAD")
    git(local, "revert", "--no-edit", "-m", "1", sha)
    git(local, "push", "--quiet", followed.place.address, "main")
    assert followed.look() == (1, 0) and str(followed.status) == "reverted"
    assert followed.look() == (0, 0)
    deliver_from(followed.store, followed.ledger)
    with Ledger(followed.ledger) as ledger:
        (row,) = ledger.query("SELECT pull_requests, merged, reverted, merged_share FROM merged_changes")
    assert tuple(row.values()) == (1, 0, 1, 0.0)


def test_a_closed_pull_request_stays_closed(followed: Followed) -> None:
    followed.place.call("PATCH", f"/pulls/{followed.number}", {"state": "closed"})
    followed.review("mate", "No.", "COMMENT")
    assert followed.look() == (1, 0) and followed.status is PullStatus.CLOSED
    assert followed.look() == (0, 0)
