"""Facts of the store reach the ledger once each, whoever is killed, cancelled or in the way."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nightcrew.errors import BadInput, Transient
from nightcrew.ledger.delivery import deliver, deliver_from
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.queue import outbox
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.task import FailureReason, TaskStatus
from tests.ledger.story import task


@pytest.fixture
def queue(store: StateStore) -> TaskQueue:
    return TaskQueue(store, 100, admit=lambda task: "c" * 40)


def rows(
    ledger_dir: Path, query: str = "SELECT task_id, status FROM tasks ORDER BY task_id"
) -> list[tuple[object, ...]]:
    with Ledger(ledger_dir) as ledger:
        return [tuple(row.values()) for row in ledger.query(query)]


def test_the_ledger_tells_of_a_task_what_the_store_tells(
    store: StateStore, queue: TaskQueue, tmp_path: Path
) -> None:
    """Also of one that no run ever took, or that ended while nobody could record it."""
    for name in ("t-waits", "t-runs", "t-fails", "t-goes"):
        queue.submit(task(name).model_copy(update={"description": name}))
    for name in ("t-runs", "t-fails"):
        queue.update(name, status=TaskStatus.RUNNING, flow_run_id=f"flow-{name}")
    queue.update("t-fails", status=TaskStatus.FAILED, failure_reason=FailureReason.BUDGET, detail="no money")
    queue.update("t-goes", status=TaskStatus.CANCELLED, detail="cancelled by request")
    deliver_from(store, tmp_path)
    assert outbox.is_empty(store)
    assert rows(tmp_path) == [
        ("t-fails", "failed"), ("t-goes", "cancelled"), ("t-runs", "running"), ("t-waits", "queued")
    ]  # fmt: skip
    found = rows(
        tmp_path,
        "SELECT failure_reason, detail, flow_run_id, base_commit, task_type, ended_at >= submitted_at "
        "FROM tasks WHERE task_id = 't-fails'",
    )
    assert found == [("budget", "no money", "flow-t-fails", "c" * 40, "bug_fix", True)]


def test_what_did_not_happen_is_not_recorded(store: StateStore, queue: TaskQueue, tmp_path: Path) -> None:
    queue.submit(task("t-done"))
    queue.update("t-done", status=TaskStatus.CANCELLED)
    with pytest.raises(BadInput, match="cannot become"):
        queue.update("t-done", status=TaskStatus.COMPLETED)
    queue.update("t-done", status=TaskStatus.CANCELLED, detail="again")
    deliver_from(store, tmp_path)
    assert rows(tmp_path, "SELECT count(*) AS n FROM facts.task_finished") == [(1,)]


def test_facts_wait_while_the_ledger_cannot_be_written(
    store: StateStore, queue: TaskQueue, tmp_path: Path
) -> None:
    queue.submit(task("t-waits"))
    (tmp_path / "journal").write_text("in the way")
    with MetricsCollector(tmp_path, "x") as collector, pytest.raises(Transient, match="cannot be written"):
        deliver(store, collector)
    deliver_from(store, tmp_path)
    assert not outbox.is_empty(store)
    (tmp_path / "journal").unlink()
    deliver_from(store, tmp_path)
    assert outbox.is_empty(store)
    assert rows(tmp_path) == [("t-waits", "queued")]


def test_a_fact_delivered_twice_is_one_row(store: StateStore, queue: TaskQueue, tmp_path: Path) -> None:
    """As when the process is killed between the ledger's write and the store's commit."""
    queue.submit(task("t-twice"))
    with store.engine.connect() as connection, MetricsCollector(tmp_path, "killed") as collector:
        for fact in outbox.take(connection):
            collector.task_submitted(task("t-twice"), at=fact.at)
        connection.rollback()
    deliver_from(store, tmp_path)
    assert rows(tmp_path, "SELECT count(*) AS n FROM facts.task_submitted") == [(1,)]


def test_many_deliver_at_once_and_each_fact_is_written_once(
    store: StateStore, queue: TaskQueue, tmp_path: Path
) -> None:
    for number in range(30):
        queue.submit(task(f"t-{number}").model_copy(update={"description": f"number {number}"}))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: deliver_from(store, tmp_path), range(8)))
    assert outbox.is_empty(store)
    written = [
        line for file in (tmp_path / "journal").glob("*T*/*") for line in file.read_text().splitlines()
    ]
    assert len(written) == 30
    shutil.rmtree(tmp_path)
