"""A verdict: what the gates say together about one change. Shapes only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class GateOutcome(StrEnum):
    """What one gate found; a gate that could not be run never counts as passed."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_MEASURABLE = "not_measurable"


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's finding: a sentence for a person, one for the next attempt, and the evidence."""

    name: str
    outcome: GateOutcome
    message: str
    hint: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)  # JSON-ready
    strength: float | None = None  # 0 to 1 where the gate measures one: coverage, kill rate, ...


class VerdictKind(StrEnum):
    """The four verdicts."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_MEASURABLE = "not_measurable"
    INFRASTRUCTURE_FAULT = "infrastructure_fault"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Accepted or not, how good (0 to 1), and why."""

    kind: VerdictKind
    score: float
    gates: tuple[GateResult, ...]
    summary: str  # a paragraph a reviewer can trust
    feedback: str  # a paragraph the next attempt can use
    sandbox: str = "bubblewrap"  # how the code was confined while it was judged
