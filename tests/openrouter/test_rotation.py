"""A model that fails in mid-conversation is replaced by the next one, and the attempt does not start over."""

import time
from datetime import timedelta
from typing import Any

import pytest

from nightcrew.errors import AccountStopped, BudgetReached, ModelUnfit, Transient
from nightcrew.execution.attempt import StopCause
from nightcrew.openrouter.books.account import crew_stop, resume_crew
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.testing.calls import Change
from nightcrew.testing.scenario import Account, Fault, FaultKind
from tests.openrouter.conftest import KEY, NOON, USD, Crew, MakeCrew, ask, free, paid

A, B = "house/alpha:free", "house/beta:free"

ROTATING = {
    FaultKind.RATE_LIMIT_UPSTREAM: "upstream_rate_limit",
    FaultKind.REQUEST_TIMEOUT: "upstream_timeout",
    FaultKind.SERVER_ERROR: "server_error",
    FaultKind.BAD_GATEWAY: "provider_failed",
    FaultKind.UNAVAILABLE: "provider_overloaded",
    FaultKind.GATEWAY_TIMEOUT: "upstream_timeout",
    FaultKind.OVERLOADED: "provider_overloaded",
    FaultKind.HTML_BODY: "provider_failed",
    FaultKind.ERROR_IN_200: "provider_failed",
    FaultKind.MIDSTREAM_ERROR: "mid_stream_error",
    FaultKind.MIDSTREAM_DROP: "connection_lost",
    FaultKind.DROPPED: "connection_lost",
    FaultKind.NO_CHOICES: "empty_completion",
    FaultKind.EMPTY: "empty_completion",
    FaultKind.FINISH_ERROR: "mid_stream_error",
    FaultKind.NO_ENDPOINTS: "model_gone",
    FaultKind.FREE_ENDED: "free_period_ended",
    FaultKind.NO_TOOL_USE: "no_tool_use",
    FaultKind.DATA_POLICY: "data_policy",
    FaultKind.MODERATION: "refused_content",
    FaultKind.GUARDRAIL: "refused_content",
    FaultKind.BAD_REQUEST: "invalid_request",
    FaultKind.UNPROCESSABLE: "invalid_request",
}


def converse(crew: Crew, turns: int, **options: Any) -> list[dict[str, Any]]:
    """A conversation of so many turns through one gateway; returns the last message."""
    gateway = crew.gateway(A, B, **options)
    messages: list[dict[str, Any]] = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"turn {turn}"})
        answer = gateway.complete({"messages": messages, "max_tokens": 500})
        messages.append({"role": "assistant", "content": answer["choices"][0]["message"]["content"]})
    return messages


@pytest.mark.parametrize(("kind", "fault"), ROTATING.items())
def test_the_next_model_takes_over_and_keeps_the_conversation(
    crew: MakeCrew, kind: FaultKind, fault: str
) -> None:
    c = crew(free("alpha"), free("beta"), faults=[Fault(kind=kind, models=(A,), at_call=(2,), per="model")])
    messages = converse(c, turns=4)
    assert c.asked() == [A, A, B, B, B]
    assert c.faults() == [None, fault, None, None, None]
    assert [call.sequence for call in c.calls] == [1, 2, 3, 4, 5]
    last = c.twin.requests[-1].body
    assert last is not None and last["messages"] == messages[:-1]


def test_a_slow_drip_ends_at_the_wall_clock_and_rotates(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"), faults=[Fault(kind=FaultKind.DRIP, models=(A,), seconds=30)])
    started = time.monotonic()
    converse(c, turns=1, seconds=0.5)
    assert time.monotonic() - started < 5
    assert c.faults() == ["timeout", None]


@pytest.mark.parametrize(
    "kind", [FaultKind.ERROR_IN_200, FaultKind.EMPTY, FaultKind.BAD_GATEWAY, FaultKind.DROPPED]
)
def test_a_stream_rotates_while_nothing_has_been_seen_of_it(crew: MakeCrew, kind: FaultKind) -> None:
    c = crew(free("alpha"), free("beta"), faults=[Fault(kind=kind, models=(A,))])
    chunks = list(c.gateway(A, B).dispatcher.stream(ask()))
    assert c.asked() == [A, B]
    assert {chunk["model"] for chunk in chunks} == {B}


@pytest.mark.parametrize("kind", [FaultKind.MIDSTREAM_ERROR, FaultKind.MIDSTREAM_DROP])
def test_a_stream_that_breaks_after_it_was_seen_says_so(crew: MakeCrew, kind: FaultKind) -> None:
    c = crew(free("alpha"), faults=[Fault(kind=kind)])
    chunks = list(c.gateway(A).dispatcher.stream(ask()))
    assert chunks[-1]["choices"][0]["finish_reason"] == "error" and chunks[-1]["error"]["message"]
    assert c.calls[-1].fault in {"mid_stream_error", "connection_lost"}


def test_a_stream_that_nobody_reads_on_is_settled(crew: MakeCrew) -> None:
    c = crew(paid())
    gateway = c.gateway(budgets=Budgets(task_usd=USD(1)))
    chunks = gateway.dispatcher.stream(ask())
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert c.faults() == ["abandoned"]


def test_a_short_retry_after_is_waited_for_in_place(crew: MakeCrew) -> None:
    c = crew(
        free("alpha"),
        free("beta"),
        faults=[
            Fault(
                kind=FaultKind.RATE_LIMIT_UPSTREAM,
                models=(A,),
                at_call=(1,),
                per="model",
                retry_after_seconds=3,
            )
        ],
    )
    c.gateway(A, B).complete(ask())
    assert c.asked() == [A, A]
    assert c.clock.now() == NOON + timedelta(seconds=3)


def test_a_long_retry_after_rests_the_model_for_everybody(crew: MakeCrew) -> None:
    c = crew(
        free("alpha"),
        free("beta"),
        faults=[
            Fault(
                kind=FaultKind.RATE_LIMIT_UPSTREAM, models=(A,), retry_after_seconds=600, times=1, per="model"
            )
        ],
    )
    c.gateway(A, B).complete(ask())
    c.gateway(A, B).complete(ask())
    assert c.asked() == [A, B, B]
    c.clock.advance(601 * 1.2)
    c.gateway(A, B).complete(ask())
    assert c.asked() == [A, B, B, A]


def test_a_vanished_model_leaves_every_plan_at_once(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"), faults=[Fault(kind=FaultKind.FREE_ENDED, models=(A,))])
    assert {candidate.model for candidate in c.candidates()} == {A, B}
    c.gateway(A, B).complete(ask())
    assert {candidate.model for candidate in c.candidates()} == {B}


def test_a_context_that_is_too_small_goes_to_a_larger_one_only(crew: MakeCrew) -> None:
    c = crew(
        free("alpha", context_length=20_000),
        free("beta", context_length=10_000),
        free("large", context_length=90_000),
        faults=[Fault(kind=FaultKind.CONTEXT_LENGTH, models=(A,))],
    )
    c.gateway(A, B, "house/large:free").complete(ask())
    assert c.asked() == [A, "house/large:free"]


def test_one_model_alone_is_asked_again_after_a_pause(crew: MakeCrew) -> None:
    c = crew(free("alpha"), faults=[Fault(kind=FaultKind.BAD_GATEWAY, at_call=(1, 2), per="model")])
    c.gateway(A).complete(ask())
    assert c.faults() == ["provider_failed", "provider_failed", None]
    assert c.clock.now() > NOON + timedelta(seconds=2)


def test_when_nobody_answers_the_door_shuts_without_blame(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"), faults=[Fault(kind=FaultKind.SERVER_ERROR)])
    gateway = c.gateway(A, B)
    with pytest.raises(Transient):
        gateway.complete(ask())
    asked = len(c.twin.requests)
    assert asked <= 6
    usage = gateway.usage()
    assert usage.stopped is not None and usage.stopped.cause is StopCause.MODELS and usage.infrastructure
    with pytest.raises(Transient):
        gateway.complete(ask())
    assert len(c.twin.requests) == asked


def test_when_no_model_can_take_it_nobody_else_is_to_blame(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"), faults=[Fault(kind=FaultKind.NO_TOOL_USE)])
    gateway = c.gateway(A, B)
    with pytest.raises(ModelUnfit):
        gateway.complete(ask())
    assert c.asked() == [A, B]
    usage = gateway.usage()
    assert usage.stopped is not None and not usage.infrastructure


def test_a_refused_account_stops_the_whole_crew_with_one_message(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"), account=Account(api_key=KEY, credits_usd=1, spent_usd=2))
    with pytest.raises(AccountStopped, match="402"):
        c.gateway(A, B).complete(ask())
    for _ in range(3):
        with pytest.raises(AccountStopped, match="402"):
            c.gateway(A, B).complete(ask())
    assert len(c.twin.requests) == 1
    stop = crew_stop(c.store, c.api.account)
    assert stop is not None and stop.fault == "payment_required"
    assert resume_crew(c.store, c.api.account)
    c.twin.change(Change(account=Account(api_key=KEY)))
    c.gateway(A, B).complete(ask())


def test_a_401_stops_the_crew_only_if_the_account_confirms_it(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"), faults=[Fault(kind=FaultKind.UNAUTHORIZED, models=(A,))])
    c.gateway(A, B).complete(ask())
    assert c.asked() == [A, B]
    c.twin.change(Change(account=Account(api_key="another")))
    with pytest.raises(AccountStopped):
        c.gateway(A, B).complete(ask())
    assert crew_stop(c.store, c.api.account) is not None


def test_a_spent_minute_is_waited_for(crew: MakeCrew) -> None:
    c = crew(free("alpha"), account=Account(api_key=KEY, free_per_minute=5))
    gateway = c.gateway(A, limits=QuotaLimits(5, 1000))
    for _ in range(12):
        gateway.complete(ask())
    assert c.faults() == [None] * 12
    assert c.clock.now() > NOON + timedelta(seconds=120)


def test_a_platform_429_teaches_the_limit_and_rests_all_free_models(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"), account=Account(api_key=KEY, free_per_minute=3))
    gateway = c.gateway(A, B, limits=QuotaLimits(20, 1000))
    for _ in range(9):
        gateway.complete(ask())
    assert c.faults().count("quota_minute") == 1
    assert c.asked()[3:5] == [A, A]  # the other free model was not tried


@pytest.mark.parametrize("unit", ["ms", "s"])
@pytest.mark.parametrize("in_200", [False, True])
def test_a_spent_day_is_never_knocked_at_again(crew: MakeCrew, unit: str, in_200: bool) -> None:
    account = Account(
        api_key=KEY,
        free_per_day=4,
        reset_unit=unit,  # type: ignore[arg-type]
        limits_in_200=in_200,
        key_shows_free_requests=False,
    )
    c = crew(free("alpha"), account=account)
    gateway = c.gateway(A, limits=QuotaLimits(20, 1000))
    for _ in range(4):
        gateway.complete(ask())
    with pytest.raises(Transient) as refused:
        gateway.complete(ask())
    assert refused.value.retry_after_seconds == pytest.approx(12 * 3600, abs=5)
    usage = gateway.usage()
    assert usage.stopped is not None and usage.stopped.cause is StopCause.QUOTA and usage.infrastructure
    asked = len(c.twin.requests)
    for _ in range(3):
        with pytest.raises(Transient):
            c.gateway(A, limits=QuotaLimits(20, 1000)).complete(ask())
    assert len(c.twin.requests) == asked == 5
    c.clock.advance(12 * 3600 + 1)
    c.gateway(A, limits=QuotaLimits(20, 1000)).complete(ask())


def test_a_spent_day_goes_on_with_a_paid_model_if_the_plan_has_one(crew: MakeCrew) -> None:
    c = crew(free("alpha"), paid(), account=Account(api_key=KEY, free_per_day=2))
    gateway = c.gateway(A, "house/gamma", limits=QuotaLimits(20, 2))
    for _ in range(4):
        gateway.complete(ask())
    assert c.asked() == [A, A, "house/gamma", "house/gamma"]


def test_an_attempt_makes_no_more_calls_than_it_may(crew: MakeCrew) -> None:
    c = crew(free("alpha"))
    gateway = c.gateway(A, budgets=Budgets(calls=2))
    gateway.complete(ask())
    gateway.complete(ask())
    with pytest.raises(BudgetReached, match="2 calls"):
        gateway.complete(ask())
    assert len(c.twin.requests) == 2


def test_what_runs_at_the_end_of_an_attempt_is_given_up_and_recorded(crew: MakeCrew) -> None:
    import threading

    c = crew(paid("gamma", latency_seconds=20))
    gateway = c.gateway("house/gamma", budgets=Budgets(task_usd=USD(1)))
    caught: list[BaseException] = []

    def work() -> None:
        try:
            gateway.complete(ask())
        except Transient as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not c.twin.requests:
        time.sleep(0.01)
    started = time.monotonic()
    gateway.__exit__(None, None, None)
    thread.join(5)
    assert time.monotonic() - started < 3
    assert c.faults() == ["abandoned"] and caught
    assert gateway.usage().cost_usd > 0  # nobody knows what it cost: charged in full
