"""Explains a plan in Markdown, for `select-model --explain` and the run's artifact."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nightcrew.plain_text import markdown_text
from nightcrew.selection.arms import Arm
from nightcrew.selection.beliefs import Rates, phi
from nightcrew.selection.filters import RELAX, removed_by, what_to_relax
from nightcrew.selection.memory import Trial
from nightcrew.selection.plan import Filtered, Rung
from nightcrew.selection.planner import Ladder, Limits, worth_of_learning
from nightcrew.selection.requirements import HIGHEST_QUALITY, Requirements
from nightcrew.selection.success_model import EASE, SuccessModel

LEGEND = (
    "*accepted*: predicted chance that the verdict accepts it, after the rungs before it failed. "
    "*prior alone*: the same for an untried task without our own verdicts, from coding index and price. "
    "*own evidence*: our verdicts on this model for this task type, and the share of the prior's uncertainty "
    "that all our verdicts have removed."
)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision with all its inputs."""

    requirements: Requirements
    tried: tuple[Trial, ...]
    filtered: tuple[Filtered, ...]
    considered: tuple[Arm, ...]  # by price per success
    ladder: Ladder
    rungs: tuple[Rung, ...]
    value_usd: float
    limits: Limits
    rates: Rates


def explain(decision: Decision, alternatives: Sequence[Rung]) -> tuple[str, str]:
    """The explanation, and one sentence on why there is no rung (empty if there is one)."""
    stop = "" if decision.rungs else _why_none(decision)
    parts = [
        _headline(decision) if decision.rungs else stop,
        _listed("The ladder", decision.rungs, decision),
        _listed("Also considered", alternatives, decision),
        LEGEND if decision.rungs else "",
        _basis(decision),
        _change(decision),
        _filters(decision),
    ]
    return "\n\n".join(part for part in parts if part), stop


# ------------------------------------------------------------------------------------------------------


def _headline(decision: Decision) -> str:
    first, ladder, needs = decision.rungs[0], decision.ladder, decision.requirements
    text = (
        f"Try {first.model} with {first.executor}: {_percent(first.success)} to be accepted "
        f"for {_usd(first.cost_usd)}. The whole ladder of {len(decision.rungs)}: "
        f"{_percent(ladder.success)} solved for {_usd(ladder.cost_usd)} expected."
    )
    if ladder.success < needs.quality_threshold:
        text += (
            f" That is below the required {_percent(needs.quality_threshold)}: "
            "a higher budget, more attempts or more models would help."
        )
    return text


def _why_none(decision: Decision) -> str:
    if not decision.considered:
        return what_to_relax(decision.filtered)
    if decision.limits.rungs == 0:
        return f"All {decision.requirements.max_attempts} attempts are used up: allow more attempts."
    best = decision.considered[0]
    return (
        f"No rung is worth its cost: the best, {best.candidate.model}, is {_percent(best.success)} likely "
        f"to succeed for {_usd(best.price_usd)}, and a solved task is valued at "
        f"{_usd(decision.value_usd)}. A higher quality threshold raises that value."
    )


def _listed(title: str, rungs: Sequence[Rung], decision: Decision) -> str:
    """The rungs as a list, because the UI's tables do not wrap."""
    if not rungs:
        return ""
    lines = (
        f"- {rung.model} with {rung.executor}: accepted {_percent(rung.success)} "
        f"({_known_from(rung, decision)}); {_usd(rung.cost_usd)}, "
        f"{_usd(rung.cost_usd / max(rung.success, 1e-9))} per success; {rung.seconds:.0f} s"
        for rung in rungs
    )
    return f"**{title}**\n\n" + "\n".join(lines)


def _known_from(rung: Rung, decision: Decision) -> str:
    """The prior's prediction, and how much our own verdicts have added to it."""
    needs = decision.requirements
    arm = next(
        a for a in decision.considered if (a.candidate.model, a.executor) == (rung.model, rung.executor)
    )
    known = arm.candidate.traits
    mean, variance = SuccessModel().score(needs.task_type, rung.executor, needs.complexity, known)
    alone = decision.rates.accepts(phi(mean / math.sqrt(1.0 + variance + EASE.variance)))
    removed = max(0.0, 1.0 - arm.score[1] / variance)
    verdicts = f"{rung.evidence} verdict{'' if rung.evidence == 1 else 's'}"
    return f"prior alone {_percent(alone)}, own evidence {verdicts}, {_percent(removed)}"


def _basis(decision: Decision) -> str:
    needs, rates = decision.requirements, decision.rates
    parts = [
        f"A solved {needs.task_type} task is valued at {_usd(decision.value_usd)} "
        f"(quality threshold {needs.quality_threshold:g}, complexity {needs.complexity})."
    ]
    if needs.context_source:
        windows = " and ".join(f"{needs.window(name):,} with {name}" for name in needs.executors)
        parts.append(
            f"It needs {needs.context_tokens:,} tokens of context, {markdown_text(needs.context_source)}. "
            f"With the executor's own prompt and its answers the window must hold {windows}."
        )
    if rates.false_accept or rates.false_reject:
        parts.append(
            f"The verdict accepts {_percent(rates.false_accept)} of wrong work and rejects "
            f"{_percent(rates.false_reject)} of right work; the plan takes both into account."
        )
    if decision.tried:
        parts.append(
            "Tried before: "
            + ", ".join(f"{t.slug} with {t.executor} ({t.end})" for t in decision.tried)
            + "."
        )
    unpriced = [a.candidate.model for a in decision.ladder.arms if _is_unpriced(a)]
    if unpriced:
        parts.append(
            f"No price is known for {', '.join(unpriced)}: $1 in and $4 out per million tokens are assumed."
        )
    return " ".join(parts)


def _is_unpriced(arm: Arm) -> bool:
    candidate = arm.candidate
    return not candidate.free and (candidate.input_price_usd is None or candidate.output_price_usd is None)


def _change(decision: Decision) -> str:
    """Why the first rung comes first, and what would change that."""
    if not decision.rungs:
        return ""
    first, parts = decision.ladder.arms[0], []
    other = next((a for a in decision.considered if a.candidate.slug != first.candidate.slug), None)
    ratio = first.price_usd / max(first.success, 1e-9)
    if other is not None and ratio > 0:
        name = f"{other.candidate.model} with {other.executor}"
        if other.price_usd < ratio * other.success:
            parts.append(f"{name} is cheaper per success, but {_why_not(other, decision)}")
        else:
            parts.append(f"{name} would come first at about {_usd(ratio * other.success)} per attempt")
            parts.append(f"it is expected to cost {_usd(other.price_usd)}")
    if decision.value_usd > first.price_usd > 0:
        least = _percent(first.price_usd / decision.value_usd)
        parts.append(
            f"{first.candidate.model} would not be worth trying below a success probability of {least}"
        )
    if decision.ladder.success < 1 and decision.requirements.quality_threshold < HIGHEST_QUALITY:
        parts.append(
            "a higher quality threshold raises the value of a solved task, and with it cost and success"
        )
    return f"**What would change it**: {'; '.join(parts)}." if parts else ""


def _why_not(other: Arm, decision: Decision) -> str:
    """Why an arm that is cheaper per success does not come first."""
    first = decision.ladder.arms[0]
    more = worth_of_learning(first.score) - worth_of_learning(other.score)
    if more > 0 and more * decision.value_usd > first.price_usd - other.price_usd:
        return (
            f"little is known about {first.candidate.model}, and what an attempt teaches about it "
            f"is worth {_usd(more * decision.value_usd)} more"
        )
    if other.candidate.slug in {arm.candidate.slug for arm in decision.ladder.arms}:
        return "is worth more as a later rung: the first one often solves what it cannot"
    return "the ladder as a whole is worth more this way"


def _filters(decision: Decision) -> str:
    """The number of models that each filter removed, with the first one and its reason."""
    if not decision.filtered:
        return ""
    lines = []
    for name, count in removed_by(decision.filtered).items():
        first = next(item for item in decision.filtered if item.removal.by is name)
        which = first.model if count == 1 else f"{count} models, such as {first.model}"
        lines.append(f"- {name}: {which} ({first.removal.why}); to allow it, {RELAX[name]}")
    return "**Left out**\n\n" + "\n".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _usd(amount: float) -> str:
    return f"${amount:.4f}" if amount < 0.1 else f"${amount:.2f}"
