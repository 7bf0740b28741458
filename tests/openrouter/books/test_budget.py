"""Money: at no instant is more spent and reserved than a cap allows, whatever happens between."""

import multiprocessing
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from nightcrew.errors import BudgetReached
from nightcrew.openrouter.books.budget import (
    Budgets,
    DoesNotFit,
    charge,
    left_usd,
    reserve,
    scopes_of,
    settle,
    violations,
)
from nightcrew.openrouter.books.budget_tables import budget_reservations, budgets
from nightcrew.queue.state_store import StateStore

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
USD = Decimal


def taken(store: StateStore, scope: str) -> tuple[Decimal, Decimal]:
    with store.engine.connect() as connection:
        query = text("select spent_usd, reserved_usd from budgets where scope = :scope")
        row = connection.execute(query, {"scope": scope}).one()
        return row.spent_usd, row.reserved_usd


def problems(store: StateStore) -> list[object]:
    with store.engine.connect() as connection:
        return list(violations(connection))


def put_aside(store: StateStore, scopes: dict[str, Decimal], amount: Decimal, now: datetime = NOW) -> str:
    key = uuid.uuid4().hex
    with store.engine.begin() as connection:
        reserve(connection, scopes, amount, reservation_id=key, now=now)
    return key


def pay(store: StateStore, key: str, cost: Decimal | None) -> Decimal:
    return settle(store, key, cost_usd=cost, now=NOW)


def test_a_call_falls_into_every_scope_that_has_a_cap() -> None:
    caps = Budgets(
        attempt_usd=USD(1), task_usd=USD(2), batch="b", batch_usd=USD(3), day_usd=USD(4), month_usd=USD(5)
    )
    assert scopes_of(caps, task_id="t-1", attempt_id="t-1:2", now=NOW) == {
        "attempt:t-1:2": USD(1),
        "task:t-1": USD(2),
        "batch:b": USD(3),
        "day:2026-11-23": USD(4),
        "month:2026-11": USD(5),
    }
    assert scopes_of(Budgets(), task_id="t-1", attempt_id="t-1:2", now=NOW) == {}


def test_what_does_not_fit_one_scope_is_reserved_in_none(store: StateStore) -> None:
    scopes = {"day:d": USD("10"), "task:t": USD("0.5")}
    with pytest.raises(DoesNotFit, match="task t") as refused:
        put_aside(store, scopes, USD("0.6"))
    assert (refused.value.scope, refused.value.left_usd) == ("task:t", USD("0.5"))
    assert isinstance(refused.value, BudgetReached)
    put_aside(store, {"day:d": USD("10")}, USD("10"))
    assert taken(store, "day:d") == (USD(0), USD(10))


def test_a_call_is_charged_what_it_cost_and_only_once(store: StateStore) -> None:
    scopes = {"task:t": USD(1)}
    key = put_aside(store, scopes, USD("0.7"))
    assert taken(store, "task:t") == (USD(0), USD("0.7"))
    assert pay(store, key, USD("0.2")) == USD("0.2")
    assert pay(store, key, USD("0.2")) == 0
    assert taken(store, "task:t") == (USD("0.2"), USD(0))
    with store.engine.connect() as connection:
        assert left_usd(connection, {"task:t": USD(1), "day:other": USD(5)}) == USD("0.8")
        assert left_usd(connection, {}) == Decimal("Infinity")


def test_a_cost_that_nobody_knows_is_charged_in_full(store: StateStore) -> None:
    key = put_aside(store, {"task:t": USD(1)}, USD("0.7"))
    assert pay(store, key, None) == USD("0.7")


def test_a_zero_cap_lets_free_calls_through_and_nothing_else(store: StateStore) -> None:
    put_aside(store, {"task:t": USD(0)}, USD(0))
    with pytest.raises(BudgetReached):
        put_aside(store, {"task:t": USD(0)}, USD("0.000001"))


def test_the_invariant_query_finds_an_overshoot_that_is_over_again(store: StateStore) -> None:
    put_aside(store, {"task:t": USD(1)}, USD(1))
    assert problems(store) == []
    with store.engine.begin() as connection:
        charge(connection, {"task:t": USD(1)}, USD("0.1"), reservation_id="surprise", now=NOW)
    with store.engine.begin() as connection:
        charge(connection, {"task:t": USD(1)}, USD("-0.1"), reservation_id="back", now=NOW)
    assert len(problems(store)) == 1


def test_the_invariant_query_finds_books_that_do_not_add_up(store: StateStore) -> None:
    put_aside(store, {"task:t": USD(1)}, USD("0.5"))
    with store.engine.begin() as connection:
        connection.execute(text("update budgets set reserved_usd = 0"))
    assert [row["problem"] for row in problems(store)] == ["the books do not add up"]  # type: ignore[index]


def spend(url: str, seed: int, rounds: int, die: bool) -> None:
    """One worker: reserves in its task, day and month, then pays, pays unknown sums, or dies in the call."""
    dice = random.Random(seed)
    with StateStore(url) as store:
        for _ in range(rounds):
            scopes = {"day:d": USD("2"), "month:m": USD("3"), f"task:{dice.randrange(4)}": USD("0.7")}
            amount = USD(dice.randrange(1, 2000)) / 10_000
            try:
                key = put_aside(store, scopes, amount)
            except BudgetReached:
                continue
            if die and dice.random() < 0.1:
                return
            pay(store, key, dice.choice([USD(0), amount / 3, amount, None]))


@pytest.mark.parametrize("seed", range(2))
def test_many_processes_never_pass_a_cap(store: StateStore, database_url: str, seed: int) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=spend, args=(database_url, seed * 100 + n, 40, n % 2 == 0)) for n in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert problems(store) == []
    with store.engine.connect() as connection:
        of_killed = connection.scalars(select(budget_reservations.c.reservation_id)).all()
    for key in of_killed:
        pay(store, key, None)
    assert problems(store) == []
    spent, reserved = taken(store, "day:d")
    assert reserved == 0 and USD(1) < spent <= 2


CENTS = st.integers(1, 120).map(lambda cents: USD(cents) / 100)
PLANS = st.lists(
    st.lists(
        st.tuples(st.sampled_from("ab"), CENTS, st.sampled_from(["pay", "less", "unknown", "die"])),
        max_size=6,
    ),
    min_size=2,
    max_size=4,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans=PLANS)
def test_no_interleaving_of_threads_passes_a_cap(
    store: StateStore, plans: list[list[tuple[str, Decimal, str]]]
) -> None:
    run = uuid.uuid4().hex[:8]

    def work(plan: list[tuple[str, Decimal, str]]) -> None:
        for task, amount, ending in plan:
            scopes = {f"day:{run}": USD("1.5"), f"task:{run}{task}": USD(1)}
            try:
                key = put_aside(store, scopes, amount)
            except BudgetReached:
                continue
            if ending != "die":
                pay(store, key, {"pay": amount, "less": amount / 2, "unknown": None}[ending])

    with ThreadPoolExecutor(len(plans)) as pool:
        list(pool.map(work, plans))  # raises what a thread raised
    assert problems(store) == []


def test_those_who_make_a_scope_do_not_block_each_other_for_ever(store: StateStore) -> None:
    """One holds a task it has made and wants the day: the other must not hold the day and want the task."""
    run = uuid.uuid4().hex[:8]
    day, scopes = {f"day:{run}": USD(1)}, {f"day:{run}": USD(1), f"task:{run}": USD(1)}
    put_aside(store, day, USD("0.1"))
    with store.engine.begin() as first, ThreadPoolExecutor(1) as pool:
        first.execute(insert(budgets).values(scope=f"task:{run}", cap_usd=USD(1)))
        second = pool.submit(put_aside, store, scopes, USD("0.1"))
        time.sleep(0.3)  # the second waits for the task by now
        reserve(first, scopes, USD("0.1"), reservation_id=uuid.uuid4().hex, now=NOW)
        first.commit()
        second.result(timeout=20)
    assert taken(store, f"task:{run}") == (USD(0), USD("0.2"))
