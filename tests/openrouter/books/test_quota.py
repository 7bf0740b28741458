"""The account's quota: many processes, one count; never more calls in a window than it holds."""

import multiprocessing
import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightcrew.openrouter.books import quota
from nightcrew.openrouter.books.quota import QuotaLimits, QuotaWait
from nightcrew.openrouter.wire.records import KeyInfo
from nightcrew.openrouter.wire.replies import Trouble
from nightcrew.queue.state_store import StateStore

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIMITS = QuotaLimits(per_minute=3, per_day=5)


def take(
    store: StateStore, now: datetime, limits: QuotaLimits = LIMITS, account: str = "a"
) -> QuotaWait | None:
    with store.engine.begin() as connection:
        return quota.lease(connection, account, limits, call_key=uuid.uuid4().hex, model="m", now=now)


def left(store: StateStore, now: datetime, limits: QuotaLimits = LIMITS) -> quota.QuotaLeft:
    with store.engine.begin() as connection:
        return quota.left(connection, "a", limits, now=now)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_minute_holds_so_many_calls_and_says_when_the_next_fits(store: StateStore) -> None:
    assert [take(store, at(s)) for s in (0, 10, 20)] == [None] * 3
    wait = take(store, at(30))
    assert wait is not None and wait.fault == "quota_minute"
    assert at(60) <= wait.until <= at(62)
    assert take(store, wait.until) is None


def test_a_day_holds_so_many_calls_and_ends_at_midnight_utc(store: StateStore) -> None:
    for minute in range(5):
        assert take(store, at(minute * 61)) is None
    wait = take(store, at(600))
    assert wait is not None and wait.fault == "quota_day"
    assert wait.until == datetime(2026, 11, 24, tzinfo=UTC)
    assert left(store, at(600)).day == 0
    assert take(store, wait.until) is None
    assert left(store, wait.until).day == 4


def test_a_call_that_was_never_sent_gives_its_place_back(store: StateStore) -> None:
    with store.engine.begin() as connection:
        quota.lease(connection, "a", LIMITS, call_key="one", model="m", now=NOON)
    for _ in range(2):  # the second time it changes nothing
        with store.engine.begin() as connection:
            quota.release(connection, "a", "one")
    now = left(store, NOON)
    assert (now.minute, now.day) == (3, 5)


def refuse(store: StateStore, fault: str, now: datetime = NOON, **result: object) -> datetime:
    trouble = Trouble(429, "Rate limit exceeded", platform=True, **result)  # type: ignore[arg-type]
    with store.engine.begin() as connection:
        return quota.learn_from_refusal(connection, "a", LIMITS, fault=fault, trouble=trouble, now=now)


def test_the_platforms_429_for_the_day_rests_everything_until_its_reset(store: StateStore) -> None:
    until = refuse(store, "quota_day", reset_at=at(3600), limit=200)
    assert until == at(3600)
    wait = take(store, at(3599))
    assert wait is not None and wait.until == at(3600) and wait.fault == "quota_day"
    assert left(store, at(10)).day == 0


def test_a_day_that_others_have_used_up_stays_used_up_without_a_reset(store: StateStore) -> None:
    assert refuse(store, "quota_day") == datetime(2026, 11, 24, tzinfo=UTC)


def test_the_platforms_429_for_the_minute_teaches_its_limit(store: StateStore) -> None:
    assert refuse(store, "quota_minute", limit=2, reset_at=at(30)) == at(30)
    assert [take(store, at(31)) is None for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("reset_at", [at(-100), at(10**9)])
def test_a_reset_that_cannot_be_is_not_believed(store: StateStore, reset_at: datetime) -> None:
    until = refuse(store, "quota_minute", reset_at=reset_at)
    assert NOON < until <= NOON + quota.LONGEST_REST


@pytest.mark.parametrize(
    ("result", "day"),
    [
        ({"free_model_daily_requests": {"limit": 1000, "used": 10, "remaining": 990}}, 990),
        ({"is_free_tier": True}, 49),
        ({"is_free_tier": False}, 999),
        ({}, 4),
        ({"free_model_daily_requests": {"limit": "many"}}, 4),
    ],
)
def test_the_key_teaches_limit_and_what_others_used(
    store: StateStore, result: dict[str, object], day: int
) -> None:
    take(store, NOON)
    with store.engine.begin() as connection:
        quota.learn_from_key(connection, "a", KeyInfo.model_validate(result), now=NOON)
    assert left(store, NOON).day == day


def race(url: str, now: datetime) -> None:
    with StateStore(url) as store:
        for _ in range(20):
            take(store, now, QuotaLimits(per_minute=1000, per_day=30))


def test_many_processes_share_one_day(store: StateStore, database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=race, args=(database_url, NOON)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 3
    assert left(store, NOON, QuotaLimits(1000, 31)).day == 1


STEPS = st.lists(st.lists(st.floats(0, 200), max_size=12), min_size=1, max_size=3)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(threads=STEPS)
def test_no_window_of_a_minute_ever_holds_more(store: StateStore, threads: list[list[float]]) -> None:
    account, taken, lock = uuid.uuid4().hex, [], threading.Lock()

    def work(moments: list[float]) -> None:
        for moment in sorted(moments):
            if take(store, at(moment), QuotaLimits(3, 10), account) is None:
                with lock:
                    taken.append(moment)

    # Clocks of several hosts never agree to the second; each thread has its own order of time.
    workers = [threading.Thread(target=work, args=(moments,)) for moments in threads]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(taken) <= 10
    if len(threads) == 1:
        for start in taken:
            assert sum(start <= moment < start + 60 for moment in taken) <= 3
