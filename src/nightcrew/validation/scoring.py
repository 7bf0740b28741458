"""Combines gates into a verdict: its kind, its score from measured strengths, and two paragraphs."""

from collections.abc import Sequence

from nightcrew.task import Task
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind

WEIGHTS = {
    "lost": 0.0, "needed": 0.0, "extent": 0.0, "empowered": 0.0, "watched": 0.0,
    "scope": 0.0, "tamper": 0.0, "static": 0.0, "assertions": 0.0, "behaviour": 1.0,
    "existing_tests": 0.0, "new_tests": 1.0, "controls": 1.0, "mutation": 3.0,
    "refactoring": 2.0, "documentation": 3.0, "analysis": 3.0, "acceptance": 3.0,
}  # fmt: skip
OWN_WEIGHT = 1.0
OPEN = {GateOutcome.ASKS, GateOutcome.NOT_MEASURABLE}  # no gate can decide, so a person does


def score(results: Sequence[GateResult], applicable: Sequence[str]) -> float:
    """Weighted mean of strengths, 0 to 1; a gate that failed or was not reached brings what it measured,
    or nothing."""
    by_name = {result.name: result for result in results}
    total = gained = 0.0
    for name in applicable:
        weight = WEIGHTS.get(name, OWN_WEIGHT)
        result = by_name.get(name)
        total += weight
        gained += weight * (_strength(result) if result is not None else 0.0)
    if total == 0.0:
        return 1.0 if all(result.outcome is GateOutcome.PASS for result in results) else 0.0
    return round(gained / total, 4)


def _strength(result: GateResult) -> float:
    if result.strength is not None:
        return result.strength if result.outcome is GateOutcome.PASS else min(result.strength, 0.5)
    return 1.0 if result.outcome is GateOutcome.PASS else 0.0


def conclude(task: Task, results: Sequence[GateResult], applicable: Sequence[str], sandbox: str) -> Verdict:
    """The verdict from the results of all gates."""
    reached = score(results, applicable)
    failures = [result for result in results if result.outcome is GateOutcome.FAIL]
    open_ones = [result for result in results if result.outcome in OPEN]
    if failures:
        kind, why, feedback = VerdictKind.REJECTED, failures[0].message, _together(failures)
    elif open_ones:
        kind, why, feedback = VerdictKind.NOT_MEASURABLE, open_ones[0].message, _together(open_ones)
    elif round(reached, 2) < task.quality_threshold:
        kind = VerdictKind.REJECTED
        why = f"The score {reached:.2f} is below the threshold {task.quality_threshold:.2f}."
        feedback = f"{why} {_weakest(results)}"
    else:
        kind, why, feedback = VerdictKind.ACCEPTED, "", ""
    summary = _summary(kind, reached, why, results)
    asked = {result.name for result in results}
    not_reached = tuple(name for name in applicable if name not in asked)
    return Verdict(kind, reached, tuple(results), summary, feedback, sandbox, not_reached)


def fault(message: str, results: Sequence[GateResult], sandbox: str) -> Verdict:
    """The verdict for Nightcrew's own fault: the work is tried again; nothing counts against the change."""
    summary = f"No verdict: a fault of the machinery, not of the change. {message}"
    broken = GateResult("machinery", GateOutcome.NOT_MEASURABLE, message, "Repair this, then judge again.")
    return Verdict(VerdictKind.INFRASTRUCTURE_FAULT, 0.0, (*results, broken), summary, "", sandbox)


def _together(results: Sequence[GateResult]) -> str:
    """The message of each of these results, and what to do about it."""
    return " ".join(f"{result.message} {result.hint}".strip() for result in results)


def _summary(kind: VerdictKind, reached: float, why: str, results: Sequence[GateResult]) -> str:
    opening = {
        VerdictKind.ACCEPTED: f"Accepted with score {reached:.2f}.",
        VerdictKind.REJECTED: f"Rejected: {why}",
        VerdictKind.NOT_MEASURABLE: f"Not measurable: {why}",
    }[kind]
    if kind is VerdictKind.REJECTED:
        return opening
    details = " ".join(result.message for result in results if result.outcome is GateOutcome.PASS)
    return f"{opening} {details}".strip()


def _weakest(results: Sequence[GateResult]) -> str:
    measured = [result for result in results if result.strength is not None]
    if not measured:
        return ""
    weakest = min(measured, key=lambda result: (result.strength or 0.0, result.name))
    survivors = weakest.evidence.get("survivors")
    extra = " These changes of the code were not noticed: " + "; ".join(survivors[:8]) if survivors else ""
    return f"The weakest gate is {weakest.name}: {weakest.message}{extra}"
