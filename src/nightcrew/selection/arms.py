"""Arms: the pairs of executor and model that could be tried next, with their expected success and cost.

The other functions filter or reprice arms by earlier trials, the size of the task, and the money, time and
quota that are left.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from nightcrew.selection.beliefs import Gaussian, Moments, phi
from nightcrew.selection.candidates import Availability, Candidate, Traits
from nightcrew.selection.memory import Memory, Trial, TrialEnd
from nightcrew.selection.plan import Filtered, FilterName, Removal
from nightcrew.selection.requirements import Requirements
from nightcrew.selection.success_model import EASE
from nightcrew.task import ExecutorName

LOST_CALLS = 0.3  # of the answers in a wrong form: not all can be repaired, and each costs a call


class Arm(NamedTuple):
    """An executor with a model, and the expected success and cost of an attempt."""

    executor: str
    candidate: Candidate
    score: Moments  # of the success model, without the task's ease
    cost_usd: float  # money
    price_usd: float  # money, scarce quota and waiting together: what the plan compares
    seconds: float
    calls: float  # model calls
    fresh_success: float  # probability that the work is right, on an untried task
    success: float  # the same, on this task after its trials


def arms_of(
    needs: Requirements, candidates: Sequence[Candidate], memory: Memory, ease: Gaussian
) -> list[Arm]:
    """All arms, with their success probability on an untried task and on this one, which is of `ease`."""
    traits: dict[str, Traits] = {}
    for candidate in candidates:  # a free variant gets the paid one's traits, as its price is informative
        if not candidate.free or candidate.slug not in traits:
            traits[candidate.slug] = candidate.traits
    arms: list[Arm] = []
    for executor in needs.executors:
        able = _able(candidates, executor, needs.window(executor))
        arms += _with(executor, able, [traits[c.slug] for c in able], needs, memory, ease)
    return arms


def untried(arms: Sequence[Arm], tried: Sequence[Trial]) -> tuple[list[Arm], list[Filtered]]:
    """The arms without the models whose work on this task was rejected, or which cannot do it.

    Infrastructure faults remove no model; the flow decides how many of them it accepts.
    """
    wrong = {trial.slug for trial in tried if trial.end is TrialEnd.REJECTED}
    unfit = {trial.slug for trial in tried if trial.end is TrialEnd.UNFIT}
    reasons = dict.fromkeys(unfit, Removal(FilterName.TRIED, "it cannot do this task"))
    reasons |= dict.fromkeys(wrong, Removal(FilterName.TRIED, "its work on this task was rejected"))
    kept = [arm for arm in arms if arm.candidate.slug not in reasons]
    removed = {a.candidate.model: a.candidate.slug for a in arms if a.candidate.slug in reasons}
    return kept, [Filtered(model, reasons[slug]) for model, slug in removed.items()]


def repeated(
    arms: Sequence[Arm], tried: Sequence[Trial], memory: Memory, ease: Gaussian
) -> tuple[list[Arm], list[Filtered]]:
    """The arms for another try of models whose work was rejected, and the models that cannot do the task."""
    if not tried:  # most decisions are a task's first, and there are hundreds of arms
        return [], []
    unfit = {trial.slug for trial in tried if trial.end is TrialEnd.UNFIT}
    rejections = Counter(trial.slug for trial in tried if trial.end is TrialEnd.REJECTED)
    found, spread = [], 1.0 + ease.variance
    for arm in arms:
        slug = arm.candidate.slug
        if slug in rejections and slug not in unfit:
            score = memory.success.score_again(arm.score, arm.executor, rejections[slug])
            success = phi((score[0] + ease.mean) / math.sqrt(spread + score[1]))
            found.append(arm._replace(score=score, success=success))
    removed = {arm.candidate.model for arm in arms if arm.candidate.slug in unfit}
    cannot = Removal(FilterName.TRIED, "it cannot do this task")
    return found, [Filtered(model, cannot) for model in removed]


def sized(arms: Sequence[Arm], factor: float) -> list[Arm]:
    """The arms with usage scaled to a task that is `factor` times as large as usual."""
    if factor == 1.0:
        return list(arms)
    return [
        arm._replace(
            cost_usd=arm.cost_usd * factor,
            price_usd=arm.price_usd * factor,
            seconds=arm.seconds * factor,
            calls=arm.calls * factor,
        )
        for arm in arms
    ]


def affordable(
    arms: Sequence[Arm], needs: Requirements, availability: Availability
) -> tuple[list[Arm], list[Filtered]]:
    """The arms that each fit into the money, time and quota that are left."""
    budget = float(min(needs.budget_usd, availability.budget_left_usd))
    kept: list[Arm] = []
    reasons: dict[str, Removal] = {}
    times = [limit for limit in (needs.max_latency_seconds, needs.seconds_left) if limit is not None]
    seconds, left = min(times, default=math.inf), availability.free_calls_left
    calls = math.inf if left is None else left
    for arm in arms:  # hundreds for each decision, of which nearly all fit
        fits = arm.cost_usd <= budget and arm.seconds <= seconds
        if fits and (arm.calls <= calls or not arm.candidate.free):
            kept.append(arm)
        elif reason := _too_much(arm, needs, availability, budget):
            reasons[arm.candidate.model] = reason
    used = {arm.candidate.model for arm in kept}
    return kept, [Filtered(model, reason) for model, reason in reasons.items() if model not in used]


def with_shadow_price(arms: Sequence[Arm], availability: Availability) -> list[Arm]:
    """Price free arms at the paid work that a later task must buy because they used up the quota."""
    left = availability.free_calls_left
    paid = [arm.price_usd for arm in arms if not arm.candidate.free]
    if left is None or not paid:
        return list(arms)
    saving = min(paid)
    priced = []
    for arm in arms:
        if arm.candidate.free:
            scarcity = min(1.0, arm.calls * availability.tasks_expected / max(left, 1))
            arm = arm._replace(price_usd=arm.price_usd + scarcity * saving)
        priced.append(arm)
    return priced


# ------------------------------------------------------------------------------------------------------


def _able(candidates: Sequence[Candidate], executor: str, window: int) -> list[Candidate]:
    """The candidates that can work with the executor, which may need tool calls and a larger window."""
    toolless = executor == ExecutorName.DIRECT
    return [c for c in candidates if (toolless or c.tools) and not 0 < c.context_tokens < window]


def _with(
    executor: str,
    candidates: Sequence[Candidate],
    traits: Sequence[Traits],
    needs: Requirements,
    memory: Memory,
    ease: Gaussian,
) -> list[Arm]:
    scores = memory.success.scores(needs.task_type, executor, needs.complexity, traits)
    usages = memory.cost.expected(
        needs.task_type, executor, needs.complexity, [known.slug for known in traits]
    )
    shares = memory.cost.billed_shares([candidate.slug for candidate in candidates])
    second_price = needs.hour_price_usd / 3600.0
    fresh_spread, spread, easier = 1.0 + EASE.variance, 1.0 + ease.variance, ease.mean
    arms = []
    for candidate, score, usage, share in zip(candidates, scores, usages, shares, strict=True):
        mean, variance = score
        if candidate.repaired_share:
            lost = 1.0 + LOST_CALLS * candidate.repaired_share
            tokens_in, tokens_out, calls, seconds = [lost * part for part in usage]
        else:
            tokens_in, tokens_out, calls, seconds = usage
        input_usd, output_usd, _ = candidate.price
        cost = (tokens_in * input_usd + tokens_out * output_usd) * share
        fresh = now = phi(mean / math.sqrt(fresh_spread + variance))
        if ease is not EASE:
            now = phi((mean + easier) / math.sqrt(spread + variance))
        price = cost + second_price * seconds
        arms.append(Arm(executor, candidate, score, cost, price, seconds, calls, fresh, now))
    return arms


def _too_much(arm: Arm, needs: Requirements, availability: Availability, budget: float) -> Removal | None:
    if arm.cost_usd > budget:
        return Removal(FilterName.BUDGET, f"expected to cost ${arm.cost_usd:.4f}, ${budget:.4f} are left")
    if needs.max_latency_seconds is not None and arm.seconds > needs.max_latency_seconds:
        return Removal(
            FilterName.LATENCY,
            f"expected to take {arm.seconds:.0f} s, {needs.max_latency_seconds:.0f} s are allowed",
        )
    if needs.seconds_left is not None and arm.seconds > needs.seconds_left:
        return Removal(
            FilterName.DEADLINE, f"expected to take {arm.seconds:.0f} s, {needs.seconds_left:.0f} s are left"
        )
    left = availability.free_calls_left
    if arm.candidate.free and left is not None and arm.calls > left:
        return Removal(
            FilterName.QUOTA, f"expected to take {arm.calls:.0f} free calls, {left} are left today"
        )
    return None
