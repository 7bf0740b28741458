"""Sums over the tasks of one repository or batch: what came of them, and what they cost."""

from decimal import Decimal

import pytest

from nightcrew.dashboard import pages
from nightcrew.dashboard.totals import BATCH_HEADINGS, Totals, read_batches, read_totals
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.task import TaskStatus
from tests.ledger.story import task
from tests.work.traces.test_traces import ATTEMPT

SHOP, BAKERY = "https://example.org/shop.git", "https://example.org/bakery.git"


@pytest.fixture
def queue(store: StateStore) -> TaskQueue:
    """Two batches and a task of none; one is completed for 0.001 USD, one failed, one is for a person."""
    queue = TaskQueue(store, 10, admit=lambda _: "a" * 40)
    for name, repo, batch in (
        ("t-1", SHOP, "spring"),
        ("t-2", SHOP, "spring"),
        ("t-3", BAKERY, "autumn"),
        ("t-4", BAKERY, None),
    ):
        changed = {"repo": repo, "batch": batch, "description": f"do {name}"}
        queue.submit(task(name).model_copy(update=changed))
    for name, end in (
        ("t-1", TaskStatus.COMPLETED),
        ("t-2", TaskStatus.FAILED),
        ("t-3", TaskStatus.NEEDS_REVIEW),
    ):
        queue.update(name, status=TaskStatus.RUNNING)
        queue.update(name, status=end)
    queue.record_attempt(ATTEMPT, verdict="accepted", score=1.0, summary="")
    return queue


def test_a_repository_and_a_batch_have_their_own_sums(store: StateStore, queue: TaskQueue) -> None:
    shop, autumn, everything = (
        read_totals(store, repo=SHOP),
        read_totals(store, batch="autumn"),
        read_totals(store),
    )
    assert (shop.tasks, shop.completed, shop.calls, shop.cost_usd) == (2, 1, 2, Decimal("0.001"))
    assert shop.cost_per_completed_usd == Decimal("0.001")
    assert autumn.counts == {TaskStatus.NEEDS_REVIEW: 1}
    assert autumn.cost_per_completed_usd is None
    assert everything.tasks == 4
    assert read_totals(store, repo=SHOP, batch="autumn") == Totals({}, 0, Decimal(0))


def test_the_latest_batch_comes_first(store: StateStore, queue: TaskQueue) -> None:
    autumn, spring = read_batches(store)
    assert list(autumn) == list(BATCH_HEADINGS)
    assert (autumn["batch"], autumn["for_a_person"], autumn["under_way"]) == ("autumn", 1, 0)
    assert (spring["tasks"], spring["completed"], spring["failed"], spring["cost_usd"]) == (
        2, 1, 1, Decimal("0.001"),
    )  # fmt: skip


def test_the_list_shows_them(store: StateStore, queue: TaskQueue) -> None:
    chosen = {"repo": SHOP, "batch": "", "status": ""}
    page = pages.task_list(queue.list(repo=SHOP), read_totals(store, repo=SHOP), chosen, 200)
    assert "Tasks of this repository</dt><dd>2</dd>" in page
    assert "Cost per completed task</dt><dd>$0.0010</dd>" in page
    assert "2.0 calls, failures included" in page
