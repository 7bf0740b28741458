"""A question outlives everything: server, database and worker are stopped, started, and it is answered."""

import time

import pytest

from nightcrew.crew import dispatch, services
from nightcrew.crew import review as review_service
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.errors import Transient
from nightcrew.queue.reviews import Answer, Choice
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus
from tests.flows.conftest import RunningCrew
from tests.flows.test_services import processes_of

pytestmark = pytest.mark.flows


def status_of(settings: Settings, task_id: str, wanted: set[TaskStatus]) -> TaskStatus:
    with dispatch.open_queue(settings) as queue:
        deadline = time.monotonic() + 120
        while (found := queue.get(task_id)).status not in wanted:
            assert time.monotonic() < deadline, found
            time.sleep(0.3)
    return found.status


def test_a_question_is_answered_after_everything_was_stopped_and_started(
    settings: Settings, crew: RunningCrew
) -> None:
    task = crew.task(
        "Write a rebate before the night ends.",
        task_type="code_generation",
        target_file=None,
        models=["twin/lazy:free"],
    )
    ends = {TaskStatus.NEEDS_REVIEW, TaskStatus.COMPLETED, TaskStatus.FAILED}
    with services.running_crew(settings) as running:
        dispatch.submit(settings, task)
        assert status_of(settings, task.task_id, ends) is TaskStatus.NEEDS_REVIEW
        with dispatch.open_queue(settings) as queue:
            run_id = queue.get(task.task_id).flow_run_id
        deadline = time.monotonic() + 30
        while running.api().get(f"/flow_runs/{run_id}")["state_type"] != "PAUSED":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(5)  # the run's process ends a moment after the run is suspended
    assert processes_of(settings) == []

    calls = len(crew.twin.requests)
    (waits,) = review_service.waiting(settings)
    assert waits.queued.task_id == task.task_id
    answer = Answer(choice=Choice.ACCEPT, reason="looked at it in the morning")
    with pytest.raises(Transient, match="no crew is running"):
        review_service.answer(settings, task.task_id, answer)
    with services.running_crew(settings):
        assert reconcile(settings) == 0
        assert review_service.answer(settings, task.task_id, answer).status is TaskStatus.QUEUED
        assert status_of(settings, task.task_id, ends - {TaskStatus.NEEDS_REVIEW}) is TaskStatus.COMPLETED
    with dispatch.open_queue(settings) as queue:
        ended = queue.get(task.task_id)
    assert (ended.flow_run_id, ended.attempts, ended.restarts) == (run_id, 1, 0)
    assert ended.detail == "accepted by a person: looked at it in the morning"
    assert len(crew.twin.requests) == calls, "an earlier step was repeated"
