"""A command that waits returns when its tasks have ended, and leaves them alone when it is interrupted."""

from pathlib import Path

import pytest

from nightcrew.cli.app import Goodbye
from nightcrew.cli.commands.tasks.waiting import wait_for
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.settings import Settings
from nightcrew.task import Task, TaskStatus


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=tmp_path / "home", database_url=database_url)


@pytest.fixture
def queue(store: StateStore, repository: Path) -> TaskQueue:
    queue = TaskQueue(store, bound=10)
    for task_id, status in (("ended", TaskStatus.NEEDS_REVIEW), ("running", TaskStatus.RUNNING)):
        fields = {"task_id": task_id, "description": f"It is {task_id}", "task_type": "analysis"}
        queue.submit(Task.model_validate(fields | {"repo": str(repository)}), status=status)
    return queue


def test_it_returns_what_has_ended_or_waits_for_a_person(settings: Settings, queue: TaskQueue) -> None:
    counts = []

    def meanwhile(ended: int) -> None:
        counts.append(ended)
        queue.update("running", status=TaskStatus.CANCELLED)

    tasks = wait_for(settings, queue.list, progress=meanwhile, interrupted="")
    assert {task.task_id: task.status for task in tasks} == {"ended": "needs_review", "running": "cancelled"}
    assert counts == [1]


def test_an_interruption_says_what_goes_on(settings: Settings, queue: TaskQueue) -> None:
    def interrupt(ended: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Goodbye, match="it goes on"):
        wait_for(settings, queue.list, progress=interrupt, interrupted="it goes on")
    assert queue.get("running").status is TaskStatus.RUNNING
