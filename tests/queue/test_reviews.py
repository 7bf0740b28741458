"""Questions for a person: they keep their hours, and the first answer stays."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from nightcrew.queue.reviews import Answer, Choice, Reviews
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.task import Task, TaskStatus


@pytest.fixture
def task_id(store: StateStore) -> str:
    queue = TaskQueue(store, 10, admit=lambda task: "0" * 40)
    task = queue.submit(Task.model_validate({"description": "tidy up", "repo": "https://example.org/r.git"}))
    queue.update(task.task_id, status=TaskStatus.RUNNING)
    queue.update(task.task_id, status=TaskStatus.NEEDS_REVIEW)
    return task.task_id


def test_a_question_waits_until_it_is_answered(store: StateStore, task_id: str) -> None:
    reviews = Reviews(store)
    asked = reviews.ask(task_id, 1, question="is it good?", seconds=90, key="k1")
    assert asked.expires_at - asked.asked_at == timedelta(seconds=90)
    assert reviews.waiting() == [asked] and reviews.find(task_id, 1) == asked
    answered = reviews.answer(task_id, 1, Answer(choice=Choice.ACCEPT, reason=" yes "))
    assert (answered.answer, answered.source) == (Answer(choice=Choice.ACCEPT, reason="yes"), "human")
    assert reviews.answer(task_id, 1, Answer(choice=Choice.GIVE_UP)) == answered
    assert reviews.waiting() == []


def test_a_question_put_again_keeps_its_hours(store: StateStore, task_id: str) -> None:
    reviews = Reviews(store)
    first = reviews.ask(task_id, 1, question="is it good?", seconds=90, key="k1")
    again = reviews.ask(task_id, 1, question="really?", seconds=9000, key="k2")
    assert (again.key, again.question) == ("k2", "really?")
    assert (again.asked_at, again.expires_at) == (first.asked_at, first.expires_at)


def test_an_answer_on_its_way_makes_the_task_wait_for_a_slot(store: StateStore, task_id: str) -> None:
    reviews, queue = Reviews(store), TaskQueue(store, 10)
    reviews.ask(task_id, 1, question="is it good?", seconds=90, key="k1")
    reviews.released(task_id)
    assert (queue.get(task_id).status, reviews.waiting()) == (TaskStatus.QUEUED, [])
    queue.update(task_id, status=TaskStatus.RUNNING)
    reviews.released(task_id)  # too late to mean anything
    assert queue.get(task_id).status is TaskStatus.RUNNING


def test_there_is_no_answer_to_what_was_not_asked(store: StateStore, task_id: str) -> None:
    assert Reviews(store).find(task_id, 7) is None


@pytest.mark.parametrize(
    "result",
    [
        {"choice": "accept"},
        {"choice": "accept", "reason": "  "},
        {"choice": "retry_with_hint", "reason": "x"},
        {"choice": "retry_with_model"},
        {"choice": "explode"},
        {"choice": "give_up", "colour": "red"},
    ],
)
def test_an_answer_that_lacks_what_it_needs_is_none(result: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate(result)
