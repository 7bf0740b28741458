"""Circuit breakers: they open for a reason, let one probe through, and every process sees the same."""

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from nightcrew.openrouter.books.breakers import (
    FAULTS_IN_A_ROW,
    FIRST_REST,
    PROBE_LIFETIME,
    Fault,
    Resting,
    admit,
    give_back_probe,
    model_key,
    read_breakers,
    record_answer,
    record_fault,
    resting,
    resting_providers,
)
from nightcrew.queue.state_store import StateStore

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MODEL = "house/alpha"
KEY = model_key(MODEL)


class Breaker:
    def __init__(self, store: StateStore) -> None:
        self.store = store
        self.now = NOON

    def admit(self, call_key: str = "") -> Resting | None:
        with self.store.engine.begin() as connection:
            opened = read_breakers(connection, "a", MODEL).get(KEY)
            return admit(connection, "a", opened, call_key=call_key or uuid.uuid4().hex, now=self.now)

    def fault(self, reason: str = "server_error", **fault: object) -> datetime | None:
        with self.store.engine.begin() as connection:
            return record_fault(connection, "a", KEY, Fault(reason, **fault), now=self.now)  # type: ignore[arg-type]

    def answer(self) -> None:
        with self.store.engine.begin() as connection:
            record_answer(connection, "a", [KEY], now=self.now)


@pytest.fixture
def breaker(store: StateStore) -> Breaker:
    return Breaker(store)


def test_it_opens_on_faults_in_a_row_and_not_before(breaker: Breaker) -> None:
    for _ in range(FAULTS_IN_A_ROW - 1):
        assert breaker.fault() is None
        assert breaker.admit() is None
    until = breaker.fault()
    assert until is not None and NOON + FIRST_REST <= until <= NOON + FIRST_REST * 1.2
    refused = breaker.admit()
    assert refused == Resting(KEY, until, "server_error")


def test_an_answer_between_starts_the_row_anew(breaker: Breaker) -> None:
    for _ in range(4):
        breaker.fault()
        breaker.fault()
        breaker.answer()
        breaker.answer()
        breaker.answer()
    assert breaker.admit() is None


def test_it_opens_when_most_calls_fail(breaker: Breaker) -> None:
    opened = []
    for _ in range(6):
        opened += [breaker.fault(), breaker.fault()]
        breaker.answer()
    assert any(opened)


def test_it_opens_at_once_where_rest_is_asked_for_and_as_long(breaker: Breaker) -> None:
    until = breaker.fault(retry_after_seconds=900, at_once=True)
    assert until is not None and until >= NOON + timedelta(seconds=900)


def test_each_failed_probe_doubles_the_rest(breaker: Breaker) -> None:
    rests = []
    for _ in range(4):
        until = breaker.fault(at_once=True)
        assert until is not None
        rests.append((until - breaker.now) / FIRST_REST)
        breaker.now = until
        assert breaker.admit() is None
    assert all(times <= rest <= 1.2 * times for times, rest in zip([1, 2, 4, 8], rests, strict=True))


def test_one_call_probes_and_its_answer_closes(breaker: Breaker) -> None:
    until = breaker.fault(at_once=True)
    assert until is not None
    breaker.now = until
    assert breaker.admit("probe") is None
    assert breaker.admit("other") is not None
    breaker.answer()
    assert breaker.admit("other") is None
    assert breaker.fault() is None  # closed for good: it takes several faults again


def test_only_one_of_many_threads_probes(breaker: Breaker) -> None:
    until = breaker.fault(at_once=True)
    assert until is not None
    breaker.now = until
    admitted: list[bool] = []
    threads = [threading.Thread(target=lambda: admitted.append(breaker.admit() is None)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 1


def test_a_probe_that_died_or_reported_nothing_makes_room_for_the_next(breaker: Breaker) -> None:
    until = breaker.fault(at_once=True)
    assert until is not None
    breaker.now = until
    breaker.admit("dead")
    assert breaker.admit() is not None
    breaker.now += PROBE_LIFETIME
    assert breaker.admit("mute") is None
    with breaker.store.engine.begin() as connection:
        give_back_probe(connection, "a", KEY, call_key="mute")
    assert breaker.admit() is None


def test_an_answer_that_was_on_its_way_does_not_end_a_rest(breaker: Breaker) -> None:
    breaker.fault(at_once=True, retry_after_seconds=60)
    breaker.answer()
    assert breaker.admit() is not None


def test_what_rests_can_be_listed_and_providers_left_out(breaker: Breaker) -> None:
    breaker.fault(at_once=True)
    with breaker.store.engine.begin() as connection:
        record_fault(connection, "a", "provider:Chutes", Fault("timeout", None, True), now=NOON)
        assert {rest.key for rest in resting(connection, "a", now=NOON)} == {KEY, "provider:Chutes"}
        assert resting_providers(read_breakers(connection, "a", "house/other"), now=NOON) == ("Chutes",)
        assert read_breakers(connection, "another account", MODEL) == {}
