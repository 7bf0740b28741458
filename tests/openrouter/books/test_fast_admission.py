"""The short way to a call: it takes what the long way would, all or nothing, also where many ask."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text

from nightcrew.openrouter.books import quota
from nightcrew.openrouter.books.account import stop_crew
from nightcrew.openrouter.books.breakers import Fault, model_key, provider_key, record_fault
from nightcrew.openrouter.books.budget import reserve, settle, violations
from nightcrew.openrouter.books.budget_tables import budget_reservations
from nightcrew.openrouter.books.fast_admission import Taken, set_aside, take_place
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.openrouter.wire.replies import Trouble
from nightcrew.queue.state_store import StateStore

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIMITS = QuotaLimits(per_minute=100, per_day=1000)
USD = Decimal
SCOPES = {"day:d": USD(2), "task:t": USD(1)}


@pytest.fixture(autouse=True)
def used_before(store: StateStore) -> None:
    """The first call of a day and of a scope goes the long way."""
    with store.engine.begin() as connection:
        quota.lease(connection, "a", LIMITS, call_key="first", model="m", now=NOON)
        reserve(connection, SCOPES, USD(0), reservation_id="first", now=NOON)


def place(store: StateStore, limits: QuotaLimits = LIMITS, now: datetime = NOON) -> Taken | None:
    return take_place(store, "a", limits, call_key=uuid.uuid4().hex, model="m", now=now)


def money(
    store: StateStore, amount: str = "0.1", key: str = "", scopes: dict[str, Decimal] = SCOPES
) -> Taken | None:
    return set_aside(store, "a", scopes, USD(amount), call_key=key or uuid.uuid4().hex, model="m", now=NOON)


def left(store: StateStore, limits: QuotaLimits = LIMITS) -> tuple[int, int]:
    with store.engine.begin() as connection:
        now = quota.left(connection, "a", limits, now=NOON)
        return now.minute, now.day


def taken(store: StateStore, scope: str) -> Decimal:
    with store.engine.connect() as connection:
        query = text("select spent_usd + reserved_usd from budgets where scope = :scope")
        return Decimal(connection.execute(query, {"scope": scope}).scalar_one())


def books_are_right(store: StateStore) -> bool:
    with store.engine.connect() as connection:
        return not violations(connection)


def test_a_place_is_taken_in_both_windows(store: StateStore) -> None:
    assert place(store) == Taken({})
    assert left(store) == (98, 998)


@pytest.mark.parametrize("limits", [QuotaLimits(3, 1000), QuotaLimits(100, 3)])
def test_a_full_window_gives_no_place(store: StateStore, limits: QuotaLimits) -> None:
    assert [place(store, limits) is not None for _ in range(4)] == [True, True, False, False]
    assert left(store) == (97, 997)


def test_the_minute_is_free_again_when_its_oldest_call_has_left_it(store: StateStore) -> None:
    limits = QuotaLimits(1, 1000)
    assert place(store, limits, NOON + timedelta(seconds=60)) is None
    assert place(store, limits, NOON + timedelta(seconds=61.1)) is not None


def test_money_is_set_aside_in_every_scope_and_settled(store: StateStore) -> None:
    assert money(store, "0.7", key="one") == Taken({})
    assert (taken(store, "day:d"), taken(store, "task:t")) == (USD("0.7"), USD("0.7"))
    assert settle(store, "one", cost_usd=USD("0.2"), now=NOON) == USD("0.2")
    assert (taken(store, "day:d"), taken(store, "task:t")) == (USD("0.2"), USD("0.2"))
    assert books_are_right(store)


def test_what_does_not_fit_one_scope_is_set_aside_in_none(store: StateStore) -> None:
    assert money(store, "1.1") is None
    assert (taken(store, "day:d"), taken(store, "task:t")) == (USD(0), USD(0))
    with store.engine.connect() as connection:
        query = select(func.count()).select_from(budget_reservations)
        assert connection.scalar(query) == 1, "of `used_before`"


@pytest.mark.parametrize("other", [{"day:d": USD(3)}, {"task:new": USD(1)}])
def test_a_cap_that_is_not_in_the_books_as_it_is_meant_goes_the_long_way(
    store: StateStore, other: dict[str, Decimal]
) -> None:
    assert money(store, scopes=SCOPES | other) is None
    assert taken(store, "day:d") == 0


def test_a_call_that_costs_nothing_leaves_nothing_in_the_books(store: StateStore) -> None:
    assert set_aside(store, "a", {}, USD(0), call_key="none", model="m", now=NOON) == Taken({})
    assert money(store, "0") == Taken({})
    with store.engine.connect() as connection:
        assert connection.execute(text("select count(*) from budget_reservations")).scalar_one() == 1


def stop(store: StateStore) -> None:
    stop_crew(store, "a", fault="unauthorized", message="no", clock=lambda: NOON)


def rest_the_model(store: StateStore) -> None:
    with store.engine.begin() as connection:
        record_fault(connection, "a", model_key("m"), Fault("busy", at_once=True), now=NOON)


def rest_all_free_models(store: StateStore) -> None:
    result = Trouble(429, "free-models-per-min", platform=True)
    with store.engine.begin() as connection:
        quota.learn_from_refusal(connection, "a", LIMITS, fault="quota_minute", trouble=result, now=NOON)


@pytest.mark.parametrize("obstacle", [stop, rest_the_model])
def test_nothing_is_taken_where_something_stands_in_the_way(
    store: StateStore, obstacle: Callable[[StateStore], None]
) -> None:
    obstacle(store)
    before = left(store), taken(store, "day:d")
    assert place(store) is None and money(store) is None
    assert (left(store), taken(store, "day:d")) == before


def test_free_models_that_rest_keep_nobody_from_paid_ones(store: StateStore) -> None:
    rest_all_free_models(store)
    assert place(store) is None
    assert money(store) is not None


def test_providers_that_rest_are_listed(store: StateStore) -> None:
    with store.engine.begin() as connection:
        record_fault(connection, "a", provider_key("P"), Fault("busy", at_once=True), now=NOON)
        record_fault(connection, "a", model_key("m"), Fault("odd"), now=NOON)
    found = money(store)
    assert found is not None and found.breakers[model_key("m")] is None
    rest = found.breakers[provider_key("P")]
    assert rest is not None and rest.until > NOON and rest.reason == "busy"


def test_many_at_once_never_take_more_than_there_is(store: StateStore) -> None:
    """Whoever waits for another's lock must count what that one took."""
    limits = QuotaLimits(per_minute=30, per_day=1000)
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda _: place(store, limits), range(60)))
        sums = list(pool.map(lambda _: money(store, "0.07"), range(60)))
    assert sum(found is not None for found in places) == 29
    assert sum(found is not None for found in sums) == 14
    assert taken(store, "task:t") == USD("0.98") and books_are_right(store)


def test_settling_from_many_sides_at_once_charges_once(store: StateStore) -> None:
    keys = [uuid.uuid4().hex for _ in range(10)]
    assert all(money(store, "0.05", key=key) for key in keys)
    with ThreadPoolExecutor(8) as pool:
        paid = list(pool.map(lambda key: settle(store, key, cost_usd=USD("0.01"), now=NOON), keys * 3))
    assert sorted(paid) == [0] * 20 + [USD("0.01")] * 10
    assert taken(store, "day:d") == USD("0.1") and books_are_right(store)
