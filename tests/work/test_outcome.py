"""What the attempts so far mean for a task: the rules of retries."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.errors import (
    AccountStopped,
    BadInput,
    BudgetReached,
    ModelUnfit,
    QueueFull,
    SandboxUnavailable,
    Transient,
)
from nightcrew.execution.attempt import AttemptEnd
from nightcrew.queue.reviews import Answer, Choice
from nightcrew.selection.plan import Filtered, FilterName, Plan, Removal
from nightcrew.task import FailureReason, TaskStatus
from nightcrew.validation.verdict import Finding, GateOutcome, GateResult, Severity, VerdictKind
from nightcrew.work.outcome import (
    MOST_FAULTS,
    Judged,
    NoModelLeft,
    Outcome,
    decide,
    outcome_of,
    outcome_of_answer,
)
from tests.flows.builders import a_task, judged

ACCEPTED, REJECTED = VerdictKind.ACCEPTED, VerdictKind.REJECTED
FAULT = judged(VerdictKind.INFRASTRUCTURE_FAULT, end=AttemptEnd.INFRASTRUCTURE)


def plan(stop: str, *filtered: str) -> Plan:
    left_out = tuple(Filtered("m", Removal(FilterName(name), "why")) for name in filtered)
    return Plan((), (), left_out, policy="p", explanation=stop, stop=stop)


def decided(*trials: Judged, seconds: float = 1.0, budget: str = "1", attempts: int = 3) -> Outcome | None:
    task = a_task(max_attempts=attempts, max_seconds=100)
    return decide(task, trials, seconds=seconds, budget_usd=Decimal(budget))


def summary(outcome: Outcome | None) -> tuple[str, str] | None:
    return None if outcome is None else (outcome.status, outcome.name)


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([], None),
        ([judged(ACCEPTED)], ("completed", "Accepted")),
        ([judged(REJECTED), judged(ACCEPTED)], ("completed", "Accepted")),
        ([judged(REJECTED)], None),
        ([judged(REJECTED)] * 3, ("failed", "Rejected")),
        ([judged(VerdictKind.NOT_MEASURABLE)], ("needs_review", "NeedsReview")),
        ([FAULT], None),
        ([FAULT, FAULT, judged(REJECTED)], None),
        ([FAULT] * MOST_FAULTS, ("failed", "Infrastructure")),
        ([judged(REJECTED, end=AttemptEnd.WALL_TIME)], None),
        ([judged(VerdictKind.INFRASTRUCTURE_FAULT, end=AttemptEnd.BUDGET)], ("failed", "Budget")),
        ([judged(VerdictKind.INFRASTRUCTURE_FAULT, end=AttemptEnd.CANCELLED)], ("cancelled", "Cancelled")),
        ([judged(REJECTED, cost_usd="1.00")], ("failed", "Budget")),
    ],
)
def test_trials_decide_how_a_task_ends(trials: list[Judged], expected: tuple[str, str] | None) -> None:
    assert summary(decided(*trials)) == expected


def test_attempts_without_a_change_say_so_and_do_not_ask_the_reader_to_make_one() -> None:
    empty = judged(REJECTED)
    verdict = replace(empty.verdict, summary="there is no change", feedback="Make the change this time.")
    outcome = decided(replace(empty, attempt=replace(empty.attempt, patch=""), verdict=verdict), attempts=1)
    assert outcome is not None and outcome.detail == "1 attempt, none accepted: there is no change"


def test_what_is_only_unproven_goes_to_a_person_once_the_attempts_are_used_up() -> None:
    finding = Finding("nobody needs this line", "a.py", 2, severity=Severity.UNPROVEN)
    gate = GateResult("needed", GateOutcome.FAIL, "Not needed", findings=(finding,))
    last = judged(REJECTED)
    last = replace(last, verdict=replace(last.verdict, gates=(gate,), feedback="Not needed. Test it."))
    assert decided(last, attempts=2) is None
    outcome = decided(judged(REJECTED), last, attempts=2)
    assert summary(outcome) == ("needs_review", "NeedsReview")
    assert outcome is not None and outcome.detail.endswith("Not needed. Test it.")


def test_a_fault_never_uses_up_an_attempt() -> None:
    assert decided(FAULT, judged(REJECTED), FAULT, judged(REJECTED), attempts=3) is None


def test_time_is_a_limit_for_all_attempts_together() -> None:
    assert summary(decided(judged(REJECTED), seconds=101)) == ("failed", "Budget")


def test_a_free_task_has_no_money_to_run_out_of() -> None:
    assert decided(judged(REJECTED), budget="0") is None


@given(
    st.lists(st.sampled_from([judged(REJECTED), FAULT, judged(ACCEPTED)]), max_size=8),
    st.floats(0, 1000),
    st.integers(1, 5),
)
def test_completed_means_that_the_last_verdict_accepted(
    trials: list[Judged], seconds: float, attempts: int
) -> None:
    outcome = decided(*trials, seconds=seconds, attempts=attempts)
    completed = outcome is not None and outcome.status is TaskStatus.COMPLETED
    assert completed == bool(trials and trials[-1].verdict.kind is ACCEPTED)


@given(st.lists(st.sampled_from([REJECTED, VerdictKind.INFRASTRUCTURE_FAULT]), min_size=1, max_size=20))
def test_the_loop_always_ends(kinds: list[VerdictKind]) -> None:
    trials: list[Judged] = []
    for kind in kinds:
        trials.append(judged(kind))
        if decided(*trials) is not None:
            return
    assert len(trials) < 3 + MOST_FAULTS


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BadInput("no such target"), FailureReason.INVALID),
        (QueueFull("full"), FailureReason.INVALID),
        (BudgetReached("day"), FailureReason.BUDGET),
        (AccountStopped("401"), FailureReason.INFRASTRUCTURE),
        (SandboxUnavailable("no bwrap"), FailureReason.INFRASTRUCTURE),
        (Transient("database"), FailureReason.INFRASTRUCTURE),
        (ModelUnfit("gone"), FailureReason.INFRASTRUCTURE),
        (NoModelLeft(plan("there is none")), FailureReason.INFRASTRUCTURE),
        (NoModelLeft(plan("none fits", "budget")), FailureReason.BUDGET),
        (NoModelLeft(plan("none fits", "quota")), FailureReason.BUDGET),
        (ZeroDivisionError("ours"), FailureReason.INFRASTRUCTURE),
    ],
)
def test_an_error_ends_a_task_as_what_it_is(error: Exception, reason: FailureReason) -> None:
    outcome = outcome_of(error, ())
    assert (outcome.status, outcome.reason) == (TaskStatus.FAILED, reason)


def test_having_no_model_left_after_a_rejection_is_a_rejection() -> None:
    assert (
        outcome_of(NoModelLeft(plan("all tried")), [FAULT, judged(REJECTED)]).reason is FailureReason.REJECTED
    )


def test_what_a_person_accepts_is_completed_on_their_word_and_says_so() -> None:
    outcome = outcome_of_answer(Answer(choice=Choice.ACCEPT, reason="I ran it"))
    assert summary(outcome) == ("completed", "AcceptedByAPerson")
    assert outcome is not None and outcome.detail == "accepted by a person: I ran it"


def test_what_a_person_gives_up_is_rejected() -> None:
    assert summary(outcome_of_answer(Answer(choice=Choice.GIVE_UP))) == ("failed", "Rejected")


@pytest.mark.parametrize(
    "answer",
    [Answer(choice=Choice.RETRY_WITH_HINT, hint="x"), Answer(choice=Choice.RETRY_WITH_MODEL, model="m")],
)
def test_a_retry_ends_nothing(answer: Answer) -> None:
    assert outcome_of_answer(answer) is None
