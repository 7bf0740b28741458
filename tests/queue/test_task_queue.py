"""The task queue: nothing lost, nothing doubled, never more than the bound, served in order of priority."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from nightcrew.errors import BadInput, QueueFull
from nightcrew.execution.attempt import Attempt, AttemptEnd, StopCause
from nightcrew.queue import outbox
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import tasks
from nightcrew.queue.transitions import TRANSITIONS
from nightcrew.task import ExecutorName, FailureReason, Task, TaskPriority, TaskStatus

PRIORITIES = list(TaskPriority)


@pytest.fixture
def queue(store: StateStore) -> TaskQueue:
    return TaskQueue(store, 10, admit=_admit)


def _admit(task: Task) -> str:
    return f"{task.repo}@{task.base}"


def a_task(description: str = "tidy up", **values: object) -> Task:
    return Task.model_validate({"description": description, "repo": "https://example.org/r.git", **values})


def test_a_submitted_task_is_pending_and_can_be_read_back(queue: TaskQueue) -> None:
    submitted = queue.submit(task := a_task(priority="high", max_cost_usd="0.10"))
    assert submitted.is_new
    stored = queue.get(task.task_id)
    assert (stored.task, stored.status) == (task, TaskStatus.PENDING)
    assert stored.commit == "https://example.org/r.git@HEAD"


def test_an_unfinished_task_that_asks_for_the_same_is_returned_instead(queue: TaskQueue) -> None:
    first, second = queue.submit(a_task()), queue.submit(a_task(priority="critical"))
    assert second.task_id == first.task_id
    assert not second.is_new
    assert queue.stats().unfinished == 1


def test_the_same_work_may_be_asked_for_again_once_it_has_ended(queue: TaskQueue) -> None:
    first = queue.submit(a_task())
    queue.update(first.task_id, status=TaskStatus.CANCELLED)
    assert queue.submit(a_task()).task_id != first.task_id


def test_a_task_waits_until_those_before_it_are_completed(queue: TaskQueue) -> None:
    first, second = queue.submit(a_task("the first")), queue.submit(a_task("the second"))
    last = queue.submit(a_task("the last", priority="critical"), after=[first.task_id, second.task_id])
    assert last.is_new and last.detail == f"comes after {first.task_id}, {second.task_id}"
    assert [one.task_id for one in queue.waiting()] == [first.task_id, second.task_id]
    for before in (first, second):
        queue.update(before.task_id, status=TaskStatus.RUNNING)
        queue.update(before.task_id, status=TaskStatus.COMPLETED)
    assert [one.task_id for one in queue.waiting()] == [last.task_id]


def test_what_comes_after_a_task_that_failed_is_cancelled(queue: TaskQueue, store: StateStore) -> None:
    first = queue.submit(a_task("the first"))
    second = queue.submit(a_task("the second"), after=[first.task_id])
    third = queue.submit(a_task("the third"), after=[second.task_id])
    queue.update(first.task_id, status=TaskStatus.FAILED, failure_reason=FailureReason.REJECTED)
    assert [queue.get(one.task_id).status for one in (second, third)] == [TaskStatus.CANCELLED] * 2
    assert queue.get(third.task_id).detail == f"comes after {second.task_id}, which is cancelled"
    assert queue.submit(a_task("too late"), after=[first.task_id]).status is TaskStatus.CANCELLED
    with store.engine.begin() as connection:
        ended = [fact.task_id for fact in outbox.take(connection) if fact.kind is outbox.FactKind.FINISHED]
    assert ended[:3] == [first.task_id, second.task_id, third.task_id]


def test_a_base_that_moved_makes_another_task(store: StateStore) -> None:
    commits = iter(["one", "two"])
    queue = TaskQueue(store, 10, admit=lambda task: next(commits))
    assert queue.submit(a_task()).task_id != queue.submit(a_task()).task_id


def test_submitting_one_task_twice_returns_it_even_when_its_base_moved(store: StateStore) -> None:
    commits = iter(["one", "two"])
    queue = TaskQueue(store, 10, admit=lambda task: next(commits))
    task = a_task()
    assert queue.submit(task).commit == queue.submit(task).commit == "one"


def test_a_task_id_cannot_be_taken_twice(queue: TaskQueue) -> None:
    queue.submit(a_task(task_id="t-mine"))
    with pytest.raises(BadInput, match="t-mine is taken"):
        queue.submit(a_task("something else", task_id="t-mine"))


def test_a_relative_repository_means_the_same_in_every_process(
    queue: TaskQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert queue.submit(a_task(repo=".")).task.repo == str(tmp_path.resolve())


def test_a_repository_that_does_not_exist_is_refused_at_the_door(store: StateStore, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        TaskQueue(store, 10).submit(a_task(repo=str(tmp_path / "nowhere")))
    assert TaskQueue(store, 10).stats().unfinished == 0


def test_the_base_is_resolved_to_a_commit_of_the_real_repository(store: StateStore, tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=n@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert TaskQueue(store, 10).submit(a_task(repo=str(tmp_path))).commit == head


def test_a_full_queue_refuses_and_loses_nothing(queue: TaskQueue) -> None:
    kept = {queue.submit(a_task(f"task {number}")).task_id for number in range(10)}
    with pytest.raises(QueueFull, match="10 tasks are unfinished and the bound is 10"):
        queue.submit(a_task("one too many"))
    assert {task.task_id for task in queue.list()} == kept
    queue.update(kept.pop(), status=TaskStatus.CANCELLED)
    assert queue.submit(a_task("one too many")).is_new


def test_many_submitters_at_once_never_exceed_the_bound(queue: TaskQueue) -> None:
    def submit(number: int) -> bool:
        try:
            return queue.submit(a_task(f"task {number % 20}")).is_new
        except QueueFull:
            return False

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(submit, range(60)))
    assert accepted == queue.stats().unfinished == 10


def test_a_status_changes_only_in_a_way_that_makes_sense(queue: TaskQueue) -> None:
    for old, allowed in TRANSITIONS.items():
        for new in set(TaskStatus) - {old}:
            task_id = _task_in(queue, old)
            if new in allowed:
                assert queue.update(task_id, status=new).status is new
            else:
                with pytest.raises(BadInput, match=f"is {old}; it cannot become {new}"):
                    queue.update(task_id, status=new)
            _forget_all(queue)


def test_nothing_leaves_a_final_status() -> None:
    assert all(bool(TRANSITIONS[status]) is not status.is_final for status in TaskStatus)


def test_start_and_end_are_noted(queue: TaskQueue) -> None:
    task_id = queue.submit(a_task()).task_id
    started = queue.update(task_id, status=TaskStatus.RUNNING, pid=17, host="here")
    again = queue.update(task_id, status=TaskStatus.RUNNING)
    ended = queue.update(task_id, status=TaskStatus.FAILED, failure_reason=FailureReason.REJECTED)
    assert started.started_at is not None
    assert again.started_at == started.started_at
    assert ended.ended_at is not None and ended.ended_at >= started.started_at
    assert (started.pid, ended.pid, ended.failure_reason) == (17, None, FailureReason.REJECTED)


def test_a_running_task_no_longer_tells_why_it_waited(queue: TaskQueue) -> None:
    waits = queue.submit(a_task())
    queue.update(waits.task_id, status=TaskStatus.QUEUED, detail="Waits until 19:07: no answer")
    assert queue.update(waits.task_id, status=TaskStatus.RUNNING).detail == ""
    queue.update(waits.task_id, detail="one attempt so far")
    assert queue.update(waits.task_id, status=TaskStatus.RUNNING).detail == "one attempt so far"


def test_who_has_read_an_older_state_changes_nothing(queue: TaskQueue) -> None:
    read = queue.submit(a_task())
    queue.update(read.task_id, as_read=read, status=TaskStatus.QUEUED, flow_run_id="first")
    with pytest.raises(BadInput, match="has changed"):
        queue.update(read.task_id, as_read=read, status=TaskStatus.QUEUED, flow_run_id="second")
    assert queue.get(read.task_id).flow_run_id == "first"


def test_tasks_are_handed_over_together_and_only_those_that_still_wait(queue: TaskQueue) -> None:
    first, cancelled, other = (queue.submit(a_task(name)).task_id for name in ("one", "two", "three"))
    queue.update(cancelled, status=TaskStatus.CANCELLED)
    assert queue.hand_over({first: "run-1", cancelled: "run-2"}, "deployment") == 1
    handed = queue.get(first)
    assert (handed.status, handed.flow_run_id) == (TaskStatus.QUEUED, "run-1")
    assert handed.deployment_id == "deployment"
    assert list(queue.of_runs(["run-1", "run-2"])) == [handed]
    assert queue.get(cancelled).status is TaskStatus.CANCELLED
    assert queue.get(other).status is TaskStatus.PENDING


def test_what_has_ended_lately_is_found(queue: TaskQueue) -> None:
    first, second = queue.submit(a_task("one")), queue.submit(a_task("two"))
    queue.update(first.task_id, status=TaskStatus.CANCELLED)
    assert [task.task_id for task in queue.ended(timedelta(minutes=1))] == [first.task_id]
    assert queue.ended(timedelta(minutes=-1)) == [] and second.status is TaskStatus.PENDING


def test_going_back_to_the_queue_is_counted(queue: TaskQueue) -> None:
    task_id = queue.submit(a_task()).task_id
    queue.update(task_id, status=TaskStatus.RUNNING)
    assert queue.update(task_id, status=TaskStatus.PENDING).restarts == 1


def test_an_attempt_counts_once_towards_its_task(queue: TaskQueue) -> None:
    task_id = queue.submit(a_task()).task_id
    first, second = (_attempt(task_id, queue.begin_attempt(task_id), model) for model in ("m", "n"))
    first = replace(first, stop_cause=StopCause.QUOTA)
    assert queue.record_attempt(first, verdict="rejected", score=0.2)
    assert not queue.record_attempt(first, verdict="rejected", score=0.2)
    assert queue.record_attempt(second, verdict="accepted", score=0.9)
    assert [row["verdict"] for row in queue.attempts(task_id)] == ["rejected", "accepted"]
    assert [row["stop_cause"] for row in queue.attempts(task_id)] == ["quota", None]
    found = queue.get(task_id)
    assert (found.attempts, found.calls, found.input_tokens, found.output_tokens) == (2, 2, 20, 10)
    assert (found.cost_usd, found.models) == (Decimal("0.002"), ("m", "n"))
    assert (found.verdict, found.score) == ("accepted", 0.9)


def test_no_two_attempts_have_the_same_number(queue: TaskQueue) -> None:
    task_id = queue.submit(a_task()).task_id
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda _: queue.begin_attempt(task_id), range(12)))
    assert sorted(numbers) == list(range(1, 13))


def test_stats_count_by_priority_and_status(queue: TaskQueue) -> None:
    for number, priority in enumerate(["low", "low", "critical"]):
        queue.submit(a_task(f"task {number}", priority=priority))
    queue.update(queue.list()[0].task_id, status=TaskStatus.RUNNING)
    stats = queue.stats()
    assert stats.counts[TaskPriority.LOW][TaskStatus.PENDING] == 2
    assert stats.counts[TaskPriority.CRITICAL][TaskStatus.RUNNING] == 1
    assert (stats.unfinished, stats.bound) == (3, 10)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(st.sampled_from(PRIORITIES), max_size=14))
def test_waiting_tasks_come_by_priority_then_in_order_of_arrival(
    queue: TaskQueue, wanted: list[TaskPriority]
) -> None:
    _forget_all(queue)
    accepted: list[tuple[int, int]] = []
    for number, priority in enumerate(wanted):
        try:
            queue.submit(a_task(f"{number:03} task", priority=priority))
            accepted.append((PRIORITIES.index(priority), number))
        except QueueFull:
            assert len(accepted) == queue.bound
    served = [(PRIORITIES.index(q.task.priority), int(q.task.description[:3])) for q in queue.waiting()]
    assert served == sorted(accepted)
    assert len(served) <= queue.bound


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(list(TaskStatus)), max_size=12))
def test_no_sequence_of_updates_changes_a_final_status(queue: TaskQueue, steps: list[TaskStatus]) -> None:
    _forget_all(queue)
    task_id, final = queue.submit(a_task()).task_id, None
    for status in steps:
        with suppress(BadInput):
            queue.update(task_id, status=status)
        now = queue.get(task_id).status
        assert final is None or now is final
        final = now if now.is_final else None


PATHS: dict[TaskStatus, tuple[TaskStatus, ...]] = {
    TaskStatus.PENDING: (),
    TaskStatus.QUEUED: (TaskStatus.QUEUED,),
    TaskStatus.RUNNING: (TaskStatus.RUNNING,),
    TaskStatus.NEEDS_REVIEW: (TaskStatus.RUNNING, TaskStatus.NEEDS_REVIEW),
    TaskStatus.COMPLETED: (TaskStatus.RUNNING, TaskStatus.COMPLETED),
    TaskStatus.FAILED: (TaskStatus.FAILED,),
    TaskStatus.CANCELLED: (TaskStatus.CANCELLED,),
}


def _task_in(queue: TaskQueue, status: TaskStatus) -> str:
    task_id = queue.submit(a_task()).task_id
    for step in PATHS[status]:
        queue.update(task_id, status=step)
    return task_id


def _forget_all(queue: TaskQueue) -> None:
    with queue._engine.begin() as connection:
        connection.execute(delete(tasks))


def _attempt(task_id: str, number: int, model: str) -> Attempt:
    now = datetime.now(UTC)
    return Attempt(
        attempt_id=f"{task_id}:{number}",
        task_id=task_id,
        number=number,
        executor=ExecutorName.DIRECT,
        model=model,
        models_served=(model,),
        started_at=now,
        ended_at=now,
        end=AttemptEnd.FINISHED,
        detail="done",
        patch="diff",
        calls=1,
        input_tokens=10,
        output_tokens=5,
        cost_usd=Decimal("0.001"),
    )
