"""The digest says what was done, what people made of it, and what waits, and never a secret."""

from datetime import UTC, datetime, timedelta

from nightcrew.crew.dispatch import open_queue
from nightcrew.task import FailureReason, TaskStatus
from nightcrew.watch.digest import digest_text, read_digest
from tests.watch.conftest import Watched


def test_a_digest_has_what_ended_and_what_waits(watched: Watched) -> None:
    octo = watched.by("octo")
    for title in ("Good one", "Bad one", "Unclear one", "Still waiting"):
        watched.issue(octo, title, labels=["nightcrew"])
    watched.look()
    tasks = {one.task.description: one.task_id for one in watched.tasks()}
    secret = "ghp_" + "Ab1" * 12
    ends = {
        "Good one": (TaskStatus.COMPLETED, None, "accepted"),
        "Bad one": (TaskStatus.FAILED, FailureReason.REJECTED, f"3 attempts\x1b[2J {secret}"),
        "Unclear one": (TaskStatus.NEEDS_REVIEW, None, "is it right?"),
    }
    with open_queue(watched.settings) as queue:
        for title, (status, reason, detail) in ends.items():
            queue.update(tasks[title], status=TaskStatus.RUNNING)
            queue.update(tasks[title], status=status, failure_reason=reason, detail=detail)
    found = read_digest(watched.settings, datetime.now(UTC) - timedelta(hours=1))
    assert found.headline == "1 done, 0 merged, 1 failed, 1 waiting for you, 0 USD"
    text = digest_text(found)
    for words in (f"{tasks['Bad one']} code_generation", "rejected:", "is it right?", "Done"):
        assert words in text
    assert secret not in text and "\x1b" not in text and "Still waiting" not in text
    later = read_digest(watched.settings, datetime.now(UTC) + timedelta(hours=1))
    assert not later.done and later.waiting and not later.is_empty
