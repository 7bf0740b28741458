"""Issues and comments on GitHub become tasks, each once, of those who may ask."""

import threading
from typing import Any

import pytest

from nightcrew.crew.dispatch import open_queue
from nightcrew.errors import BadInput, Transient
from nightcrew.forge import issues
from nightcrew.forge.records import Comment
from nightcrew.task import FailureReason, TaskStatus, TaskType
from nightcrew.watch import look as looking
from nightcrew.watch.terms import Watch
from tests.watch.conftest import Watched


def test_a_labelled_issue_becomes_one_task_with_one_comment(watched: Watched) -> None:
    octo = watched.by("octo")
    issue = watched.issue(octo, body="The sum is off by one.", labels=["nightcrew", "bug"])
    assert watched.look().new == 1
    assert [watched.look().new for _ in range(2)] == [0, 0]
    (queued,) = watched.tasks()
    task = queued.task
    assert (task.task_type, task.issue, task.deliver) == (TaskType.BUG_FIX, issue, "pull-request")
    assert task.description == "Prices are wrong\n\nThe sum is off by one."
    (text,) = watched.comments(issue)
    assert task.task_id in text and "waits in the queue" in text


def test_the_comment_is_edited_until_the_task_has_ended(watched: Watched) -> None:
    issue = watched.issue(watched.by("octo"), labels=["nightcrew"])
    watched.look()
    (queued,) = watched.tasks()
    with open_queue(watched.settings) as queue:
        queue.update(queued.task_id, status=TaskStatus.RUNNING)
        assert watched.look().written == 1 and "being worked on" in watched.comments(issue)[0]
        reason = FailureReason.REJECTED
        queue.update(
            queued.task_id, status=TaskStatus.FAILED, failure_reason=reason, detail="3 attempts, @octo #7"
        )
    assert watched.look().written == 1
    (text,) = watched.comments(issue)
    assert "failed (rejected)" in text and "@octo" not in text and "#7" not in text
    assert watched.look().written == 0


def test_a_comment_with_a_command_becomes_a_task(watched: Watched) -> None:
    issue = watched.issue(watched.by("visitor"), body="Hello.")
    watched.comment(watched.by("mate", "write"), issue, "/nightcrew unit_test shop.py with zero")
    assert watched.look().new == 1 and watched.look().new == 0
    (queued,) = watched.tasks()
    assert (queued.task.task_type, queued.task.target_file) == (TaskType.UNIT_TEST, "shop.py")
    assert queued.task.description == "Prices are wrong\n\nwith zero\n\nHello."


def test_unknown_users_are_not_heard(watched: Watched) -> None:
    """Neither by a command, nor by a label that a template gives to their issue."""
    unknown = watched.by("unknown")
    issue = watched.issue(unknown, labels=["nightcrew"], body="/nightcrew bug_fix")
    watched.comment(unknown, issue, "/nightcrew bug_fix shop.py")
    watched.comment(watched.by("reader", "read"), issue, "/nightcrew bug_fix shop.py")
    looked = watched.look()
    assert (looked.new, looked.refused, looked.written) == (0, 3, 0)
    assert watched.tasks() == [] and watched.comments(issue) == []
    again = watched.look()
    assert (again.new, again.refused) == (0, 0)
    octo = watched.by("octo")  # somebody who may takes the label away and gives it again
    octo.delete(f"/issues/{issue}/labels/nightcrew").raise_for_status()
    octo.post(f"/issues/{issue}/labels", json={"labels": ["nightcrew"]}).raise_for_status()
    assert watched.look().new == 1


def test_a_list_of_people_takes_the_place_of_the_permission(watched: Watched) -> None:
    watched.watch = Watch(repo=watched.watch.repo, people=("Friend",))
    issue = watched.issue(watched.by("octo"))
    watched.comment(watched.by("octo"), issue, "/nightcrew bug_fix")
    watched.comment(watched.by("friend"), issue, "/nightcrew refactoring")
    assert watched.look().new == 1
    assert [one.task.task_type for one in watched.tasks()] == [TaskType.REFACTORING]


@pytest.mark.parametrize(
    "text", ["/nightcrew unit_test", "/nightcrew frobnicate", "/nightcrew unit_test ../x.py"]
)
def test_what_is_not_understood_is_answered_once(watched: Watched, text: str) -> None:
    issue = watched.issue(watched.by("octo"))
    watched.comment(watched.by("octo"), issue, text)
    assert watched.look().written == 1 and watched.look().written == 0
    (answer,) = watched.comments(issue)
    assert "cannot take this up" in answer and watched.tasks() == []


def test_a_command_on_a_pull_request_is_for_issues(watched: Watched) -> None:
    watched.place.push("topic")
    pull = watched.place.made("/pulls", title="Mend", head="topic", base="main")["number"]
    watched.comment(watched.by("octo"), pull, "/nightcrew bug_fix")
    watched.look()
    assert "commands are for issues" in watched.comments(pull)[0] and watched.tasks() == []


def test_an_answer_that_was_lost_leaves_one_comment(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = watched.issue(watched.by("octo"), labels=["nightcrew"])

    def crash(*given: Any) -> Comment:
        add_comment(*given)
        raise KeyboardInterrupt

    add_comment = issues.add_comment
    with monkeypatch.context() as patch:
        patch.setattr(issues, "add_comment", crash)
        with pytest.raises(KeyboardInterrupt):
            watched.look()
    watched.look()
    assert len(watched.comments(issue)) == 1 and len(watched.tasks()) == 1


def test_looks_at_the_same_time_make_one_task(watched: Watched) -> None:
    issue = watched.issue(watched.by("octo"), labels=["nightcrew"])
    threads = [threading.Thread(target=watched.look) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(watched.tasks()) == 1 and len(watched.comments(issue)) == 1


def test_a_deleted_comment_is_not_written_again(watched: Watched) -> None:
    issue = watched.issue(watched.by("octo"), labels=["nightcrew"])
    watched.look()
    watched.place.repository.issues[issue].comments.clear()
    (queued,) = watched.tasks()
    with open_queue(watched.settings) as queue:
        queue.update(queued.task_id, status=TaskStatus.CANCELLED)
    watched.look()
    assert watched.comments(issue) == []


def test_a_renamed_repository_is_followed(watched: Watched) -> None:
    watched.place.twin.hub.rename(watched.place.repository, f"new-{watched.place.repository.id}")
    issue = watched.issue(watched.by("octo"), labels=["nightcrew"])
    assert watched.look().new == 1 and len(watched.comments(issue)) == 1


def test_a_limit_or_a_revoked_token_loses_nothing(watched: Watched) -> None:
    hub = watched.place.twin.hub
    issue = watched.issue(watched.by("octo"), labels=["nightcrew"])
    calls = hub.calls_per_hour
    hub.calls_per_hour, hub.reset_at = hub.calls_used, hub.reset_at + 3_600
    try:
        with pytest.raises(Transient, match="takes no more calls"):
            watched.look()
    finally:
        hub.calls_per_hour = calls
    token = hub.tokens.pop(watched.place.token)
    with pytest.raises(BadInput, match="refuses the token") as caught:
        watched.look()
    assert watched.place.token not in str(caught.value)
    hub.tokens[watched.place.token] = token
    assert watched.look().new == 1 and len(watched.comments(issue)) == 1


def test_a_full_queue_is_tried_again(watched: Watched) -> None:
    full = watched.settings.model_copy(update={"max_unfinished_tasks": 1})
    for title in ("one", "two"):
        watched.issue(watched.by("octo"), title, labels=["nightcrew"])
    assert looking.look(full, watched.watch).new == 1
    assert watched.look().new == 1 and len(watched.tasks()) == 2
