"""A verdict: the joint result of the gates for one change. Types only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class GateOutcome(StrEnum):
    """The outcome of one gate; a gate that could not run never counts as passed."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    ASKS = "asks"  # only a person can decide whether this is wanted
    NOT_MEASURABLE = "not_measurable"


class Severity(StrEnum):
    """Who has to act on a finding."""

    REFUSED = "refused"  # the next attempt: the change is rejected
    UNPROVEN = "unproven"  # the next attempt, and a person once the attempts are used up
    PERSON = "person"  # a person: nothing counts against the change


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a question found in a change."""

    what: str  # description, without the place
    path: str
    line: int = 0  # counted from 1 in the new text, or in base's where the line is gone; 0: the whole file
    before: str = ""
    after: str = ""
    severity: Severity = Severity.REFUSED

    @property
    def place(self) -> str:
        """`path:line`."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's finding: a sentence for a person, one for the next attempt, and the evidence."""

    name: str
    outcome: GateOutcome
    message: str
    hint: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)  # JSON-ready
    strength: float | None = None  # 0 to 1 where the gate measures one: coverage, kill rate, ...
    findings: tuple[Finding, ...] = ()
    began: float = field(default=0.0, compare=False)  # seconds since 1970; 0: not known
    seconds: float = field(default=0.0, compare=False)

    @property
    def is_unproven(self) -> bool:
        """True for a failure that a person may decide on once no attempt is left."""
        severities = {finding.severity for finding in self.findings}
        return (
            self.outcome is GateOutcome.FAIL
            and Severity.UNPROVEN in severities
            and Severity.REFUSED not in severities
        )


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
    not_reached: tuple[str, ...] = ()  # gates that did not run, because an earlier one had decided
    built: tuple[str, ...] = ()  # what its environment was built from, except wheels

    @property
    def asks(self) -> str:
        """What a person is asked to decide, and why; empty where no person is asked."""
        return self.feedback if self.kind is VerdictKind.NOT_MEASURABLE else ""

    @property
    def is_unproven(self) -> bool:
        """True for a rejection that a person may decide on once no attempt is left."""
        failures = [gate for gate in self.gates if gate.outcome is GateOutcome.FAIL]
        return (
            self.kind is VerdictKind.REJECTED and bool(failures) and all(one.is_unproven for one in failures)
        )
