"""When a task ends: what its attempts so far mean for it. Pure rules, without Prefect."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from nightcrew.delivery.conflict import is_outdated
from nightcrew.errors import BadInput, BudgetReached, Fatal, NightcrewError
from nightcrew.execution.attempt import Attempt, AttemptEnd, StopCause
from nightcrew.queue.reviews import ACCEPTED_BY_A_PERSON, Answer, Choice
from nightcrew.queue.round import detail_of_unchanged
from nightcrew.queue.task_table import QueuedTask
from nightcrew.selection.plan import FilterName, Plan
from nightcrew.task import FailureReason, Task, TaskStatus
from nightcrew.validation.verdict import Verdict, VerdictKind

MOST_FAULTS = 3
MOST_INTERRUPTIONS = 10  # each has waited for the next day's quota, or for a person to resume the crew
SCARCE = {
    FilterName.BUDGET,
    FilterName.QUOTA,
    FilterName.DEADLINE,
}  # filter reasons that more money, calls or time would remove


class NoModelLeft(Fatal):
    """The plan has no rung; the message is the selector's reason."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.stop)
        reasons = {left.removal.by for left in plan.filtered}
        self.for_want_of_money = bool(plan.alternatives or reasons & SCARCE)


@dataclass(frozen=True, slots=True)
class Judged:
    """An attempt and the verdict on it."""

    attempt: Attempt
    verdict: Verdict
    slug: str  # the name under which the selector learns about the model

    @property
    def is_fault(self) -> bool:
        """True if the model is not to blame."""
        return self.attempt.end.is_fault or self.verdict.kind is VerdictKind.INFRASTRUCTURE_FAULT

    @property
    def is_outdated(self) -> bool:
        """True if the change was accepted, and does not go together with what came after its base."""
        return is_outdated(self.verdict)

    @property
    def is_interruption(self) -> bool:
        """True if a quota or a stopped account ended the attempt; the next attempt waits for its end."""
        cause, end = self.attempt.stop_cause, self.attempt.end
        return end is AttemptEnd.INFRASTRUCTURE and cause is not None and cause.is_interruption

    @property
    def is_outage(self) -> bool:
        """True if the provider could not be reached, which no number of attempts changes."""
        return self.is_interruption and self.attempt.stop_cause is StopCause.OFFLINE


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ends: its status, and the name of the matching Prefect state."""

    status: TaskStatus
    detail: str
    reason: FailureReason | None = None
    by_a_person: bool = False  # accepted by a person, not on our own evidence
    is_unchanged: bool = False  # the change is the one that it had before the last round

    @property
    def name(self) -> str:
        """The name of the flow run's state: Accepted, Rejected, NeedsReview, ..."""
        if self.status is TaskStatus.COMPLETED:
            return "AcceptedByAPerson" if self.by_a_person else "Accepted"
        if self.status is TaskStatus.NEEDS_REVIEW:
            return "NeedsReview"
        return (self.reason or self.status).capitalize()


def decide(task: Task, trials: Sequence[Judged], *, seconds: float, budget_usd: Decimal) -> Outcome | None:
    """The task's outcome after these trials; None: try again.

    `seconds` is the time that all of them took together, `budget_usd` the most that the task may cost.
    """
    if not trials:
        return None
    last = trials[-1]
    end = _by_verdict(last) or _by_limits(task, trials, seconds=seconds, budget_usd=budget_usd)
    if end is not None and end.status is TaskStatus.FAILED and last.is_outdated:
        return Outcome(
            TaskStatus.NEEDS_REVIEW,
            f"{last.verdict.summary} There is no other attempt, because: {end.detail}",
        )
    return end


def feedback_for_the_next(trials: Sequence[Judged], hint: str) -> str:
    """Why the last judged attempt was not accepted, what kept a later model from working, and a hint."""
    judged = [trial.verdict.feedback for trial in trials if not trial.is_fault][-1:]
    unfit = [trial for trial in trials[-1:] if trial.attempt.end is AttemptEnd.MODEL_UNFIT]
    refused = [f"The last attempt made no change, because: {trial.verdict.summary}" for trial in unfit]
    return "\n\n".join(filter(None, [*judged, *refused, f"A person says: {hint}" if hint else ""]))


def outcome_of(error: Exception, trials: Sequence[Judged]) -> Outcome:
    """The outcome of a task that an error stopped."""
    if not isinstance(error, NightcrewError):
        return _failed(FailureReason.INFRASTRUCTURE, f"{type(error).__name__}: {error}")
    if isinstance(error, NoModelLeft):
        last = f" The last attempt: {_cause(trials[-1])}" if trials else ""
        return _failed(_why_none_is_left(error, trials), f"no model is left to try: {error}{last}")
    if isinstance(error, BadInput):
        return _failed(FailureReason.INVALID, str(error))
    if isinstance(error, BudgetReached):
        return _failed(FailureReason.BUDGET, str(error))
    return _failed(FailureReason.INFRASTRUCTURE, str(error))


def as_recorded(queued: QueuedTask) -> Outcome:
    """The recorded outcome of a task that has ended."""
    return Outcome(
        queued.status,
        queued.detail or f"the task is {queued.status}",
        queued.failure_reason,
        by_a_person=queued.verdict == ACCEPTED_BY_A_PERSON,
    )


def as_before_the_round(outcome: Outcome, queued: QueuedTask) -> Outcome:
    """The outcome of a round: without a new accepted change, the task keeps the one that it had."""
    if outcome.status not in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
        return outcome
    if queued.round is None or not queued.is_in_round:
        return outcome
    return Outcome(TaskStatus.COMPLETED, detail_of_unchanged(queued.round, outcome.detail), is_unchanged=True)


def outcome_of_answer(answer: Answer) -> Outcome | None:
    """The outcome that follows from a person's answer; None: try again."""
    if answer.choice is Choice.ACCEPT:
        detail = f"{ACCEPTED_BY_A_PERSON}: {answer.reason}"
        return Outcome(TaskStatus.COMPLETED, detail, by_a_person=True)
    if answer.choice is Choice.GIVE_UP:
        why = f": {answer.reason}" if answer.reason else ""
        return _failed(FailureReason.REJECTED, f"given up by a person{why}")
    return None


# ---------------------------------------------------------------------------------------------------------


def _by_verdict(last: Judged) -> Outcome | None:
    match last.verdict.kind:
        case VerdictKind.ACCEPTED:
            return Outcome(TaskStatus.COMPLETED, f"accepted with score {last.verdict.score:.2f}")
        case VerdictKind.NOT_MEASURABLE:
            return Outcome(TaskStatus.NEEDS_REVIEW, last.verdict.asks or last.verdict.summary)
    if last.attempt.end is AttemptEnd.CANCELLED:
        return Outcome(TaskStatus.CANCELLED, last.attempt.detail)
    if last.attempt.end is AttemptEnd.BUDGET:
        return _failed(FailureReason.BUDGET, last.attempt.detail)
    return None


def _by_limits(
    task: Task, trials: Sequence[Judged], *, seconds: float, budget_usd: Decimal
) -> Outcome | None:
    last, judged = trials[-1], sum(not trial.is_fault for trial in trials)
    interrupted = [trial for trial in trials if trial.is_interruption]
    waited = sum(not trial.is_outage for trial in interrupted)
    faults = len(trials) - judged - len(interrupted)
    if judged >= task.max_attempts and last.verdict.is_unproven:
        return Outcome(TaskStatus.NEEDS_REVIEW, f"{_attempts(judged)}, none proven: {last.verdict.feedback}")
    if judged >= task.max_attempts:
        why = last.verdict.feedback if last.attempt.patch else last.verdict.summary
        return _failed(FailureReason.REJECTED, f"{_attempts(judged)}, none accepted: {why}")
    if faults >= MOST_FAULTS or waited >= MOST_INTERRUPTIONS:
        detail = f"{_attempts(faults + waited)} failed through no fault of a model: {_cause(last)}"
        return _failed(FailureReason.INFRASTRUCTURE, detail)
    if seconds >= task.max_seconds:
        return _failed(
            FailureReason.BUDGET, f"the {task.max_seconds} s were used up after {_attempts(len(trials))}"
        )
    spent = sum((trial.attempt.cost_usd for trial in trials), Decimal(0))
    if spent and spent >= budget_usd:
        return _failed(
            FailureReason.BUDGET, f"${spent} of ${budget_usd} were spent after {_attempts(len(trials))}"
        )
    return None


def _why_none_is_left(error: NoModelLeft, trials: Sequence[Judged]) -> FailureReason:
    if any(not trial.is_fault for trial in trials):
        return FailureReason.REJECTED
    return FailureReason.BUDGET if error.for_want_of_money else FailureReason.INFRASTRUCTURE


def _attempts(number: int) -> str:
    return "1 attempt" if number == 1 else f"{number} attempts"


def _cause(trial: Judged) -> str:
    return trial.attempt.detail if trial.attempt.end.is_fault else trial.verdict.summary


def _failed(reason: FailureReason, detail: str) -> Outcome:
    return Outcome(TaskStatus.FAILED, detail, reason)
