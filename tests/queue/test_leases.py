"""Leases: by them other hosts know whether a process still works on its task."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from nightcrew.queue.leases import lost, renew
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import Task, TaskStatus, TaskType

LONG_AGO = "update tasks set beat = now() - interval '3 minutes'"


@pytest.fixture
def queue(store: StateStore) -> TaskQueue:
    return TaskQueue(store, 10, admit=lambda task: "c" * 40)


@pytest.fixture
def held(queue: TaskQueue) -> QueuedTask:
    task = Task(
        description="Say what.",
        repo="https://example.org/r",
        task_type=TaskType.DOCUMENTATION,
        target_file="a.py",
    )
    queue.submit(task)
    return queue.update(
        task.task_id, status=TaskStatus.RUNNING, flow_run_id="run-1", host="host-b", pid=7, pid_started=1.5
    )


def test_a_lease_is_lost_only_while_the_store_was_there_and_nobody_renewed_it(
    store: StateStore, held: QueuedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.queue.leases.UP_SINCE", text("now() - interval '1 hour'"))
    assert not lost(store), "it has just begun"
    with store.engine.begin() as connection:
        connection.execute(text(LONG_AGO))
    assert lost(store) == {held.task_id}
    monkeypatch.setattr("nightcrew.queue.leases.UP_SINCE", text("now() - interval '5 seconds'"))
    assert not lost(store), "nobody could renew it while the store was down"
    monkeypatch.setattr("nightcrew.queue.leases.UP_SINCE", text("now() - interval '1 hour'"))
    assert renew(store, held) and not lost(store)


def test_who_lost_the_task_to_another_run_or_process_cannot_renew(
    store: StateStore, queue: TaskQueue, held: QueuedTask
) -> None:
    assert not renew(store, replace(held, pid=8)), "another process of the same run"
    queue.update(held.task_id, status=TaskStatus.PENDING, flow_run_id=None)
    assert not renew(store, held), "it was given back"
    queue.update(held.task_id, status=TaskStatus.RUNNING, flow_run_id="run-2", host="host-a", pid=9)
    assert not renew(store, held)


@pytest.mark.parametrize("status", [TaskStatus.COMPLETED, TaskStatus.NEEDS_REVIEW, TaskStatus.QUEUED])
def test_what_a_run_has_ended_itself_was_not_lost(
    store: StateStore, queue: TaskQueue, held: QueuedTask, status: TaskStatus
) -> None:
    queue.update(held.task_id, status=status)
    assert renew(store, held) and not lost(store)
