"""Why an accepted change cannot be delivered: as a verdict, which the next attempt or a person reads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind

GATE = "delivery"
_MOST_PATCH = 6_000  # characters that the next attempt is shown


@dataclass(frozen=True, slots=True)
class Conflict:
    """The change was good on its own base and is not on `onto`, a commit from which the work can go on."""

    verdict: Verdict
    onto: str


def is_outdated(verdict: Verdict) -> bool:
    """True if the change was accepted first, and does not go together with what came after its base."""
    return any(gate.name == GATE for gate in verdict.gates)


def does_not_fit(reason: str, patch: str, since: str) -> Verdict:
    """The verdict on a change whose lines are not there any more."""
    message = f"The change was accepted, and does not fit {since}: {reason}."
    hint = "Make the same change again on the files as they are now."
    shown = patch if len(patch) <= _MOST_PATCH else f"{patch[:_MOST_PATCH]}\n(the rest is left out)"
    feedback = f"{message} {hint}\nThis was the change:\n{shown}"
    gate = GateResult(GATE, GateOutcome.FAIL, message, hint)
    return Verdict(VerdictKind.REJECTED, 0.0, (gate,), message, feedback)


def is_not_good(verdict: Verdict, since: str) -> Verdict:
    """The verdict on a change that fits and was judged again: accepted on its own base, and not here."""
    message = f"The change was accepted on its own base; judged again on {since}, it is {verdict.kind.value}."
    asks = verdict.kind is VerdictKind.NOT_MEASURABLE
    gate = GateResult(GATE, GateOutcome.ASKS if asks else GateOutcome.FAIL, message)
    return replace(
        verdict,
        gates=(gate, *verdict.gates),
        summary=f"{message} {verdict.summary}",
        feedback=f"{message} {verdict.feedback}",
    )


def named(newest: str, branches: Sequence[str]) -> str:
    """The commit on which a change is to be delivered, as a person and a model understand it."""
    together = f" together with what was delivered before ({', '.join(branches)})" if branches else ""
    return f"the newest commit {newest[:12]} of its base{together}"
