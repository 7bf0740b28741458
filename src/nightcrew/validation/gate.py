"""What a gate is: a question about one change, answered with evidence."""

from collections.abc import Mapping
from typing import Any, Protocol

from nightcrew.task import Task
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import GateOutcome, GateResult


class ValidationRule(Protocol):
    """One gate. `run` is only called where it `applies`; it raises for faults of ours alone."""

    name: str

    def applies(self, task: Task) -> bool:
        """True where the task's type calls for this gate."""
        ...

    def run(self, room: CleanRoom) -> GateResult:
        """What the gate found."""
        ...


def passed(name: str, message: str, *, strength: float | None = None, **evidence: Any) -> GateResult:
    """The gate is satisfied."""
    return GateResult(name, GateOutcome.PASS, _printable(message), "", evidence, _rounded(strength))


def failed(
    name: str,
    message: str,
    hint: str,
    *,
    strength: float | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> GateResult:
    """The change is refused: why, and what the next attempt should do."""
    return GateResult(
        name, GateOutcome.FAIL, _printable(message), _printable(hint), evidence or {}, _rounded(strength)
    )


def not_measurable(name: str, message: str, hint: str = "", **evidence: Any) -> GateResult:
    """The question could not be answered; never counted as passed."""
    return GateResult(name, GateOutcome.NOT_MEASURABLE, _printable(message), _printable(hint), evidence)


def counted(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _printable(text: str) -> str:
    """What tests said may hold halves of characters, which no file, terminal or model takes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _rounded(strength: float | None) -> float | None:
    return None if strength is None else round(min(max(strength, 0.0), 1.0), 4)
