"""Whose skill an attempt tells of, and which trials count when the next model is chosen."""

from dataclasses import replace
from decimal import Decimal

import pytest

from nightcrew.execution.attempt import AttemptEnd, StopCause
from nightcrew.selection.memory import TrialEnd
from nightcrew.validation.verdict import VerdictKind
from nightcrew.work.learning import tried, worker_of
from nightcrew.work.outcome import MOST_INTERRUPTIONS, Judged, decide
from tests.flows.builders import a_task, judged

FAULT = VerdictKind.INFRASTRUCTURE_FAULT
SLUGS = {"maker/one:free": "maker/one", "maker/two": "maker/two-2026"}


def interrupted(by: StopCause) -> Judged:
    trial = judged(FAULT, end=AttemptEnd.INFRASTRUCTURE)
    return replace(trial, attempt=replace(trial.attempt, stop_cause=by))


@pytest.mark.parametrize("end", [AttemptEnd.INFRASTRUCTURE, AttemptEnd.CANCELLED, AttemptEnd.BUDGET])
def test_a_fault_that_is_not_the_models_counts_against_nobody(end: AttemptEnd) -> None:
    assert tried([judged(FAULT, end=end)] * 3) == []
    assert tried([judged(VerdictKind.NOT_MEASURABLE)]) == []


def test_a_model_that_cannot_take_the_task_is_not_asked_again_and_keeps_its_record() -> None:
    (trial,) = tried([judged(FAULT, end=AttemptEnd.MODEL_UNFIT)])
    assert trial.end is TrialEnd.UNFIT and not trial.end.is_verdict


def test_poor_work_counts_against_the_model_unless_a_person_wants_it_again() -> None:
    trial = judged(VerdictKind.REJECTED)
    assert [one.end for one in tried([trial])] == [TrialEnd.REJECTED]
    assert tried([trial], but_for={trial.slug}) == []


@pytest.mark.parametrize(
    ("served", "slug"),
    [
        ((), "maker/one"),
        (("maker/one:free",), "maker/one"),
        (("maker/one:free", "maker/two"), "maker/two-2026"),
        (("maker/two-2026",), "maker/two-2026"),
        (("an/alias-nobody-knows",), "maker/one"),
    ],
)
def test_the_work_is_that_of_the_model_that_ended_it(served: tuple[str, ...], slug: str) -> None:
    assert worker_of(served, "maker/one:free", SLUGS) == slug


@pytest.mark.parametrize("by", [StopCause.QUOTA, StopCause.ACCOUNT, StopCause.STORE])
def test_what_stops_every_attempt_uses_up_neither_attempts_nor_patience(by: StopCause) -> None:
    task, many = a_task(max_attempts=1), [interrupted(by)] * (MOST_INTERRUPTIONS - 1)
    assert decide(task, many, seconds=1.0, budget_usd=Decimal(1)) is None
    ended = decide(task, [*many, interrupted(by)], seconds=1.0, budget_usd=Decimal(1))
    assert ended is not None and ended.name == "Infrastructure", "but not for ever"


def test_an_outage_of_the_provider_uses_up_nothing_however_often_it_comes() -> None:
    task, many = a_task(max_attempts=1), [interrupted(StopCause.OFFLINE)] * (3 * MOST_INTERRUPTIONS)
    assert decide(task, many, seconds=1.0, budget_usd=Decimal(1)) is None
    assert tried(many) == []
