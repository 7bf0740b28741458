"""Compares the result of each fault with the recovery table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.fault_matrix.cases import STEADY, Case
from nightcrew.openrouter.books.account import Stop
from nightcrew.openrouter.wire.recovery import Charged, Next, Rests, Row, row_of
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import FailureReason, TaskStatus

WAITS = {"quota_day": "AwaitingQuota", "connection_failed": "AwaitingProvider"}


@dataclass(frozen=True)
class Seen:
    """The observations about one task after its fault."""

    task: QueuedTask
    attempts: Sequence[Mapping[str, Any]]
    calls: Sequence[Mapping[str, Any]]  # rows of the ledger
    learned: int  # verdicts on the faulty model in the selector's memory
    run_state: str  # in which the run waited, if any
    stop: Stop | None  # of the crew, if it was stopped
    breaker: bool  # True if a breaker of the faulty model or its provider has counted faults
    gone: bool  # True if it was removed from the catalogue

    @property
    def faults(self) -> list[str]:
        return [call["fault"] for call in self.calls if call["fault"]]

    @property
    def accepted(self) -> bool:
        """True if it is completed with an accepted verdict and an existing change."""
        proven = bool(self.attempts) and self.attempts[-1]["verdict"] == "accepted"
        return self.task.status is TaskStatus.COMPLETED and proven and bool(self.task.change_path)

    def outcome(self) -> str:
        """The observations in a few words."""
        how = f"{self.task.status}{f': {self.task.failure_reason}' if self.task.failure_reason else ''}"
        ends = "+".join(attempt["end"] for attempt in self.attempts) or "no attempt"
        waited = f", waited as {self.run_state}" if self.run_state else ""
        stopped = ", crew stopped" if self.stop else ""
        skill = f", skill {self.learned} verdicts" if self.learned else ", skill untouched"
        return f"{how}, {ends}, {len(self.calls)} calls{waited}{stopped}{skill}"


def wrong(case: Case, seen: Seen) -> list[str]:
    """The differences from the table; should be empty."""
    row = row_of(case.fault)
    found = [
        *_injected(case, row, seen),
        *_next(case, row, seen),
        *_charged(row, seen),
        *_rests(case, row, seen),
    ]
    if seen.task.status is TaskStatus.COMPLETED and not seen.accepted:
        found.append("it is completed without accepted work")
    return found


# ---------------------------------------------------------------------------------------------------------


def _injected(case: Case, row: Row, seen: Seen) -> Iterator[str]:
    """Check that the fault has happened; otherwise the case shows nothing."""
    wire = row.signs or (not row.ends and case.kind) or case.fault in {"connection_failed", "abandoned"}
    if wire and case.fault not in seen.faults and not seen.stop:
        yield f"no call has this fault, only {sorted(set(seen.faults))}"
    ends = [attempt["end"] for attempt in seen.attempts]
    before_its_end = case.by in {"cancel", "kill_the_sandbox"}  # it was killed before it could be recorded
    if row.ends and not before_its_end and not {str(end) for end in row.ends} & set(ends):
        yield f"no attempt ended so, only {ends}"
    if not case.only and seen.attempts and seen.attempts[0]["model"] != case.faulty:
        yield f"the plan began with {seen.attempts[0]['model']}"


def _next(case: Case, row: Row, seen: Seen) -> Iterator[str]:
    """Check what happened next."""
    served = seen.attempts[-1]["models_served"] if seen.attempts else []
    match row.next:
        case Next.ESCALATE:
            if seen.task.status is not TaskStatus.NEEDS_REVIEW:
                yield f"no person is asked: {seen.task.status}"
        case Next.STOP:
            yield from _stops(case, row, seen)
        case Next.NEXT_MODEL if case.only:  # and there is no other
            if (
                seen.task.status is not TaskStatus.FAILED
                or seen.task.failure_reason is FailureReason.REJECTED
            ):
                yield "there was no other model, but the detail does not say so"
        case Next.RETRY | Next.WAIT:
            if not seen.accepted:
                yield f"it did not go on: {seen.task.detail}"
            if case.only and served != [case.faulty]:
                yield f"the same model should have continued, not {served}"
            if case.fault in WAITS and seen.run_state != WAITS[case.fault]:
                yield f"its run did not wait as {WAITS[case.fault]} but as {seen.run_state or 'nothing'}"
        case Next.NEXT_MODEL | Next.LARGER_CONTEXT:
            attempts = 2 if row.ends else 1
            if not seen.accepted:
                yield f"it did not go on: {seen.task.detail}"
            elif not served or served[-1] != STEADY:
                yield f"the next model should have finished it, not {served}"
            if len(seen.attempts) != attempts and case.fault != "abandoned":
                yield f"{len(seen.attempts)} attempts instead of {attempts}"


def _stops(case: Case, row: Row, seen: Seen) -> Iterator[str]:
    if row.rests is Rests.CREW:
        if seen.stop is None or seen.stop.fault != case.fault:
            yield f"the crew stopped for {seen.stop.fault if seen.stop else 'nothing'}"
        if seen.run_state != "CrewStopped":
            yield f"its run did not wait but was {seen.run_state or 'nothing'}"
        if not seen.accepted:
            yield f"it did not continue when it could: {seen.task.detail}"
    elif case.fault == "abandoned":
        if not seen.accepted:
            yield f"the task did not continue with another attempt: {seen.task.detail}"
    elif case.fault == "cancelled":
        if seen.task.status is not TaskStatus.CANCELLED:
            yield f"it is {seen.task.status}"
    elif case.fault == "budget_reached" and seen.task.failure_reason is not FailureReason.BUDGET:
        yield f"it did not stop for its budget: {seen.task.detail}"


def _charged(row: Row, seen: Seen) -> Iterator[str]:
    """Check that only faults charged to the model, and its accepted work, were learned."""
    own = sum(
        attempt["verdict"] == "accepted" and len(attempt["models_served"]) == 1
        for attempt in seen.attempts
        if seen.attempts[-1]["models_served"] != [STEADY]
    )
    poor = sum(attempt["verdict"] == "rejected" for attempt in seen.attempts)
    expected = own + (poor if row.charged is Charged.MODEL else 0)
    if row.charged is Charged.MODEL and not poor:
        yield "it is charged to the model, and no verdict says so"
    if seen.learned != expected:
        yield f"its memory of skill has {seen.learned} verdicts, not {expected}"


def _rests(case: Case, row: Row, seen: Seen) -> Iterator[str]:
    """Check what is not called for a while."""
    if row.rests is Rests.MODEL and not seen.breaker:
        yield "the model's breaker has not counted the fault"
    if (row.rests is Rests.GONE) is not seen.gone:
        yield "it was removed from the catalogue" if seen.gone else "it was not removed from the catalogue"
    if row.rests is not Rests.CREW and seen.stop is not None:
        yield "the crew stopped"
    if seen.breaker and not any(row_of(fault).charged is Charged.PROVIDER for fault in seen.faults):
        yield "a breaker has counted a fault that is not the provider's"
