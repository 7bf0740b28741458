"""A clock that ran ahead by hours and was set right again holds nothing up."""

from datetime import UTC, datetime, timedelta

from nightcrew.openrouter.books import breakers, quota
from nightcrew.openrouter.books.quota import QuotaLimits, QuotaWait
from nightcrew.openrouter.books.set_back import CLOCKS_DIFFER, set_right
from nightcrew.openrouter.wire.replies import Trouble
from nightcrew.queue.state_store import StateStore

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AHEAD = NOON + timedelta(hours=5)
LIMITS = QuotaLimits(per_minute=2, per_day=50)
MODEL = "house/alpha"
KEY = breakers.model_key(MODEL)


def take(store: StateStore, key: str, now: datetime) -> QuotaWait | None:
    with store.engine.begin() as connection:
        return quota.lease(connection, "a", LIMITS, call_key=key, model=MODEL, now=now)


def admit(store: StateStore, now: datetime, key: str = "probe") -> breakers.Resting | None:
    with store.engine.begin() as connection:
        opened = breakers.read_breakers(connection, "a", MODEL).get(KEY)
        return breakers.admit(connection, "a", opened, call_key=key, now=now)


def test_calls_from_the_future_fill_this_minute_and_no_more(store: StateStore) -> None:
    for key in ("one", "two"):
        assert take(store, key, AHEAD) is None
    wait = take(store, "three", NOON)
    assert wait is not None and wait.until > AHEAD, "what it would be without"
    assert set_right(store, now=NOON) == 2
    wait = take(store, "three", NOON)
    assert wait is not None and wait.until <= NOON + LIMITS.minute
    assert take(store, "three", wait.until) is None
    assert set_right(store, now=wait.until) == 0


def test_a_rest_that_was_learned_in_the_future_is_asked_for_anew(store: StateStore) -> None:
    assert take(store, "one", AHEAD) is None
    trouble = Trouble(429, retry_after_seconds=30)
    with store.engine.begin() as connection:
        quota.learn_from_refusal(connection, "a", LIMITS, fault="quota_minute", trouble=trouble, now=AHEAD)
    set_right(store, now=NOON)
    assert take(store, "two", NOON) is None


def test_a_breaker_from_the_future_lets_a_probe_pass(store: StateStore) -> None:
    with store.engine.begin() as connection:
        fault = breakers.Fault("upstream_rate_limit", at_once=True)
        breakers.record_fault(connection, "a", KEY, fault, now=AHEAD)
    assert admit(store, NOON) is not None, "what it would be without"
    assert set_right(store, now=NOON) == 1
    assert admit(store, NOON) is None
    assert admit(store, NOON, "another") is not None, "one probe at a time"


def test_a_probe_of_the_future_does_not_keep_others_from_probing(store: StateStore) -> None:
    with store.engine.begin() as connection:
        fault = breakers.Fault("upstream_rate_limit", at_once=True)
        breakers.record_fault(connection, "a", KEY, fault, now=NOON - timedelta(hours=2))
    assert admit(store, AHEAD, "lost") is None
    assert admit(store, NOON) is not None, "what it would be without"
    assert set_right(store, now=NOON) == 1
    assert admit(store, NOON) is None


def test_rows_of_a_host_whose_clock_differs_a_little_stay_as_they_are(store: StateStore) -> None:
    assert take(store, "one", NOON + CLOCKS_DIFFER) is None
    with store.engine.begin() as connection:
        breakers.record_fault(connection, "a", KEY, breakers.Fault("x", at_once=True), now=NOON)
    assert set_right(store, now=NOON) == 0
    assert admit(store, NOON) is not None
