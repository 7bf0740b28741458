"""The original's claims: "automatic model rotation on 429" and "error recovery flow: fallback, escalate".

Its rotation was constructed and never called (4 calls, 0 rotations), its fallback could not be reached, and
its mock fallback answered `success: True`. Here every strategy is driven by what comes over the wire.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nightcrew.errors import AccountStopped, Transient
from nightcrew.openhands.errors import classify_error
from nightcrew.openhands.inside.protocol import ErrorFacts
from nightcrew.openrouter.books import breakers
from nightcrew.openrouter.books.account import crew_stop
from nightcrew.openrouter.wire.recovery import TABLE, Next
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.task import TaskStatus
from nightcrew.testing.scenario import Account, Fault, FaultKind, Scenario, ScriptedModel
from nightcrew.validation.verdict import VerdictKind
from tests.claims.line import BUSY, CAPABLE, Line
from tests.openrouter.conftest import NOON, Crew, ask

A, B = "house/alpha", "house/beta"
LIMITED = FaultKind.RATE_LIMIT_UPSTREAM

type MakeCrew = Callable[..., Crew]


@pytest.fixture
def two_models(database_url: str, tmp_path: Path) -> Iterator[MakeCrew]:
    """Makes a twin with models A and B, and gateways on it; time moves only when somebody waits."""
    with ExitStack() as stack:
        store = stack.enter_context(StateStore(database_url))
        create_schema(store)

        def make(*faults: Fault, **account: Any) -> Crew:
            scenario = Scenario(
                models=(ScriptedModel(id=A), ScriptedModel(id=B)),
                faults=faults,
                account=Account(**{"credits_usd": 100, **account}),
            )
            return Crew(stack, store, scenario, tmp_path / "s")

        yield make


def test_429_goes_to_the_next_model_in_the_same_attempt_and_is_recorded(line: Line) -> None:
    work = line.do(
        task_type="documentation",
        target_file="pricing.py",
        description="Say what price does, whoever is busy.",
        models=[BUSY, CAPABLE],
    )
    assert work.queued.status is TaskStatus.COMPLETED, work.queued.detail
    assert (work.queued.attempts, work.queued.models) == (1, (CAPABLE,))
    calls = line.query(
        "select asked_model, http_status, fault, is_rate_limited from model_calls"
        " where task_id = ? order by sequence",
        work.task.task_id,
    )
    assert [(call["asked_model"], call["http_status"]) for call in calls] == [(BUSY, 429), (CAPABLE, 200)]
    assert (calls[0]["fault"], calls[0]["is_rate_limited"]) == ("upstream_rate_limit", True)
    (decision,) = line.query("select model from decisions where task_id = ?", work.task.task_id)
    assert decision["model"] == BUSY


def test_strategy_retry_asks_the_same_model_again_after_the_short_wait_it_asked_for(
    two_models: MakeCrew,
) -> None:
    crew = two_models(Fault(kind=LIMITED, models=(A,), retry_after_seconds=3, times=1, per="model"))
    crew.gateway(A, B).complete(ask())
    assert crew.asked() == [A, A]
    assert crew.clock.now() == NOON + timedelta(seconds=3)


def test_strategy_retry_with_backoff_waits_longer_each_time_and_for_nobody_else(two_models: MakeCrew) -> None:
    crew = two_models(Fault(kind=FaultKind.BAD_GATEWAY, models=(A,), at_call=(1, 2), per="model"))
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        crew.clock.advance(seconds)

    crew.gateway(A, sleep=sleep).complete(ask())
    assert crew.asked() == [A, A, A]
    assert waits[0] < waits[1] < 3
    waits.clear()
    crew.gateway(B, sleep=sleep).complete(ask())
    assert not waits, "the wait belonged to that request, not to the crew"


def test_strategy_fallback_model_takes_over_in_mid_conversation(two_models: MakeCrew) -> None:
    crew = two_models(Fault(kind=FaultKind.BAD_GATEWAY, models=(A,), from_call=2, per="model"))
    gateway = crew.gateway(A, B)
    for _ in range(3):
        gateway.complete(ask())
    assert crew.asked() == [A, A, B, B]
    assert gateway.usage().models_served == (A, B)


def test_strategy_circuit_break_leaves_the_model_alone_in_every_attempt_until_it_has_rested(
    two_models: MakeCrew,
) -> None:
    crew = two_models(Fault(kind=LIMITED, models=(A,), retry_after_seconds=600, times=1, per="model"))
    crew.gateway(A, B).complete(ask())
    with crew.store.engine.begin() as connection:
        (resting,) = breakers.resting(connection, crew.api.account, now=crew.clock.now())
    assert (resting.key, resting.reason) == (breakers.model_key(A), "upstream_rate_limit")
    crew.gateway(A, B).complete(ask())
    assert crew.asked() == [A, B, B]
    crew.clock.advance(600 * 1.2 + 1)
    crew.gateway(A, B).complete(ask())
    assert crew.asked() == [A, B, B, A], "the original's breaker never closed again"


def test_strategy_escalate_stops_the_crew_and_tells_a_person_why(two_models: MakeCrew) -> None:
    crew = two_models(credits_usd=1, spent_usd=2)
    with pytest.raises(AccountStopped, match="402"):
        crew.gateway(A, B).complete(ask())
    stop = crew_stop(crew.store, crew.api.account)
    assert stop is not None and stop.fault == "payment_required" and stop.message
    assert crew.asked() == [A], "no other model is bothered"


def test_what_cannot_be_measured_is_escalated_to_a_person_and_not_called_done(line: Line) -> None:
    work = line.do(
        task_type="code_generation",
        target_file="labels.py",
        acceptance="true",  # succeeds without the change too: it shows nothing
        description="Add label(code, pieces), judged by a command that shows nothing.",
    )
    assert work.outcome is None and work.queued.status is TaskStatus.NEEDS_REVIEW, work.queued.detail
    assert line.crew.queue.get(work.task.task_id).change_path is None
    assert work.trials[-1].verdict.kind is VerdictKind.NOT_MEASURABLE


def test_when_every_strategy_is_used_up_the_door_shuts_without_a_made_up_answer(two_models: MakeCrew) -> None:
    crew = two_models(Fault(kind=FaultKind.SERVER_ERROR))
    gateway = crew.gateway(A, B)
    with pytest.raises(Transient):
        gateway.complete(ask())
    usage = gateway.usage()
    assert usage.infrastructure and not usage.models_served
    assert {call.fault for call in crew.calls} == {"server_error"}


def test_every_step_of_the_recovery_table_is_used_and_none_is_a_mock() -> None:
    assert {row.next for row in TABLE} == set(Next)
    assert not [row.fault for row in TABLE if "mock" in f"{row.fault} {row.next} {row.seen_as}".lower()]


def test_an_author_is_not_an_authentication_error() -> None:
    error = ErrorFacts(name="APIError", status=500, text="cannot import name 'author' from 'books'")
    assert classify_error(error).treatment is not AccountStopped
