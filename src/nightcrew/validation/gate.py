"""A gate: one question about a change, answered with evidence."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nightcrew.task import Task, TaskType
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import Finding, GateOutcome, GateResult, Severity

JUDGED_TESTS = frozenset({TaskType.UNIT_TEST, TaskType.BUG_FIX, TaskType.CODE_GENERATION})
"""Tasks whose new tests of code are judged."""
MOST_LISTED = 12  # findings in one sentence; the verdict has all of them


class Gate(ABC):
    """One gate. `run` is only called where it `applies`; it raises only for Nightcrew's own faults."""

    name: str
    types: Collection[TaskType] = frozenset(TaskType)  # of the tasks that need this gate

    def applies(self, task: Task) -> bool:
        """True where the task needs this gate."""
        return task.task_type in self.types

    @abstractmethod
    def run(self, room: CleanRoom) -> GateResult:
        """Runs the gate and returns its result."""


def passed(name: str, message: str, *, strength: float | None = None, **evidence: Any) -> GateResult:
    """The result of a gate that accepts the change."""
    return GateResult(name, GateOutcome.PASS, _printable(message), "", evidence, _rounded(strength))


def failed(
    name: str,
    message: str,
    hint: str,
    *,
    strength: float | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> GateResult:
    """The result of a gate that refuses the change: why, and what the next attempt should do."""
    return GateResult(
        name, GateOutcome.FAIL, _printable(message), _printable(hint), evidence or {}, _rounded(strength)
    )


def unproven(refused: GateResult, what: str, path: str) -> GateResult:
    """The same refusal, but one on which a person may decide once no attempt is left."""
    return replace(refused, findings=(Finding(what, path, severity=Severity.UNPROVEN),))


def not_measurable(name: str, message: str, hint: str = "", **evidence: Any) -> GateResult:
    """The result of a gate that could not find out; it never counts as passed."""
    return GateResult(name, GateOutcome.NOT_MEASURABLE, _printable(message), _printable(hint), evidence)


def answered(
    name: str,
    findings: Sequence[Finding],
    *,
    opening: str,
    nothing: str = "",
    hint: str = "",
    question: str = "",
) -> GateResult:
    """A question's result: `nothing` where there are no findings; else `opening` and the list of them.

    `hint` is for the next attempt where it has to act; `question` is for a person where only a person can.
    """
    if not findings:
        return passed(name, nothing)
    decisive = [one for one in findings if one.severity is not Severity.PERSON]
    shown = sorted(decisive or findings, key=lambda one: (one.path, one.line))
    listed = "; ".join(f"{one.what} ({one.place})" for one in shown[:MOST_LISTED])
    more = f"; and {len(shown) - MOST_LISTED} more" if len(shown) > MOST_LISTED else ""
    return GateResult(
        name,
        GateOutcome.FAIL if decisive else GateOutcome.ASKS,
        _printable(f"{opening}: {listed}{more}."),
        _printable(hint if decisive else question),
        findings=tuple(findings),
    )


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 file`, `2 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _printable(text: str) -> str:
    """The text without halves of characters, which tests may print and no file or model accepts."""
    return text.encode("utf-8", "backslashreplace").decode()


def _rounded(strength: float | None) -> float | None:
    return None if strength is None else round(min(max(strength, 0.0), 1.0), 4)
