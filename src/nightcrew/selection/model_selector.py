"""The model selector: the cheapest way to a change that passes, learned from what passed.

`plan` is a pure function of its arguments: requirements, catalogue, memory, availability and what was tried.
It runs before every attempt; only the first rung of its ladder is executed, then the verdict is learned and
the rest is planned anew.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.cost_model import Usage, price_of, surprise, task_size
from nightcrew.selection.explanation import Decision, explain
from nightcrew.selection.filters import Filters
from nightcrew.selection.memory import Memory, Trial, TrialEnd, traits_of
from nightcrew.selection.plan import Filtered, Plan, Rung
from nightcrew.selection.planner import Arm, Ease, Ladder, Limits, best_ladder, shortlist
from nightcrew.selection.requirements import DEFAULT_QUALITY, Requirements
from nightcrew.selection.success_model import EASE, Gaussian, Traits, phi
from nightcrew.task import ExecutorName

log = logging.getLogger(__name__)

POLICY = "planned-ladder"
MOST_RUNGS = 4
ALTERNATIVES = 8
BASE_VALUE = 0.82  # a solved task is worth so many times what the best model takes for one
LEAST_VALUE = 4.0  # and at least so many times what the cheapest way takes for one, where prices lie close
FIRST_TRY = 1.5  # and always enough for one attempt
LEAST_VALUE_USD = 0.05  # where all models are free or nearly so, prices say nothing of the work's worth
NEAR_BEST = 0.02  # models so close to the best in chance of success count as the best


@dataclass(frozen=True, slots=True)
class ModelSelector:
    """Chooses. `most_rungs` bounds the ladder that is planned ahead, not the attempts of a task."""

    most_rungs: int = MOST_RUNGS

    def plan(
        self,
        requirements: Requirements,
        candidates: Sequence[Candidate],
        memory: Memory,
        availability: Availability,
        tried: Sequence[Trial] = (),
    ) -> Plan:
        """The ladder for this task as it looks now; without rungs, `stop` says why."""
        kept, filtered = _filter(requirements, candidates, availability)
        ease = _ease_of(requirements, memory, tried)
        arms = _arms(requirements, kept, memory, ease.as_gaussian() if tried else EASE)
        value = _value(requirements, arms, memory, availability)
        arms, used_up = _untried(arms, tried)
        arms = _sized(arms, task_size(_surprises(requirements, memory, tried)))
        arms, too_much = _affordable(arms, requirements, availability)
        arms = _with_shadow_price(arms, availability)
        limits = _limits(requirements, availability, tried, self.most_rungs)
        rates = memory.rates_of(requirements.category)
        considered = shortlist(arms, limits.rungs + 1)
        ladder = best_ladder(considered, ease, value, rates, limits)
        return _as_plan(
            Decision(
                requirements=requirements,
                tried=tuple(tried),
                filtered=(*filtered, *used_up, *too_much),
                considered=tuple(sorted(considered, key=lambda arm: arm.price_usd / max(arm.success, 1e-9))),
                ladder=ladder,
                rungs=tuple(_rungs(ladder, requirements, memory, tried)),
                value_usd=value,
                limits=limits,
                rates=rates,
            ),
            memory,
        )


# ------------------------------------------------------------------------------------------------------


def _filter(
    needs: Requirements, candidates: Sequence[Candidate], availability: Availability
) -> tuple[list[Candidate], list[Filtered]]:
    filters = Filters(needs, availability)
    kept, filtered = [], []
    for candidate in candidates:
        reason = filters.reason(candidate)
        if reason is None:
            kept.append(candidate)
        else:
            filtered.append(Filtered(candidate.model, reason))
    shift = needs.seed % len(kept) if kept else 0
    return kept[shift:] + kept[:shift], filtered


def _ease_of(needs: Requirements, memory: Memory, tried: Sequence[Trial]) -> Ease:
    """What the verdicts on this task so far say about how easy it is."""
    ease, rates = Ease(), memory.rates_of(needs.category)
    for trial in tried:
        if trial.end.is_verdict:
            scorer = memory.success.scorer(needs.category, trial.executor, needs.complexity)
            score = scorer(Traits(trial.slug))
            ease.learn(score, trial.end is TrialEnd.ACCEPTED, rates)
    return ease


def _arms(needs: Requirements, candidates: Sequence[Candidate], memory: Memory, ease: Gaussian) -> list[Arm]:
    traits: dict[str, Traits] = {}
    for candidate in candidates:  # a free variant has the skill of the paid one, whose price says more
        if candidate.slug not in traits or not candidate.free:
            traits[candidate.slug] = traits_of(candidate)
    priced = [
        (candidate, traits[candidate.slug], price_of(candidate), memory.cost.billed_share(candidate.slug))
        for candidate in candidates
    ]
    second_price, arms = needs.hour_price_usd / 3600.0, []
    fresh_spread, spread = 1.0 + EASE.variance, 1.0 + ease.variance
    for executor in needs.executors:
        window = needs.window(executor)
        score_of = memory.success.scorer(needs.category, executor, needs.complexity)
        usage_of = memory.cost.expector(needs.category, executor, needs.complexity)
        for candidate, known, price, billed in priced:
            if not candidate.tools and executor != ExecutorName.DIRECT:
                continue
            if 0 < candidate.context_tokens < window:
                continue
            mean, variance = score = score_of(known)
            tokens_in, tokens_out, calls, seconds = usage_of(known.slug)
            cost = (tokens_in * price.input_usd + tokens_out * price.output_usd) * billed
            fresh = phi(mean / math.sqrt(fresh_spread + variance))
            now = fresh
            if ease is not EASE:
                now = phi((mean + ease.mean) / math.sqrt(spread + variance))
            arms.append(
                Arm(
                    executor,
                    candidate,
                    score,
                    cost,
                    cost + second_price * seconds,
                    seconds,
                    calls,
                    fresh,
                    now,
                )
            )
    return arms


def _untried(arms: Sequence[Arm], tried: Sequence[Trial]) -> tuple[list[Arm], list[Filtered]]:
    """The arms without the models whose work on this task was wrong, or that cannot take it: never again.

    A fault of ours or of a provider removes nobody; how many of those are borne the flow decides.
    """
    wrong = {trial.slug for trial in tried if trial.end is TrialEnd.REJECTED}
    unfit = {trial.slug for trial in tried if trial.end is TrialEnd.UNFIT}
    reasons = dict.fromkeys(unfit, "tried: it cannot take this task")
    reasons |= dict.fromkeys(wrong, "tried: its work on this task was rejected")
    kept = [arm for arm in arms if arm.candidate.slug not in reasons]
    removed = {a.candidate.model: a.candidate.slug for a in arms if a.candidate.slug in reasons}
    return kept, [Filtered(model, reasons[slug]) for model, slug in removed.items()]


def _surprises(needs: Requirements, memory: Memory, tried: Sequence[Trial]) -> list[float]:
    """By how much the attempts so far used more or less than was expected of them."""
    found = []
    for trial in tried:
        if trial.end.is_verdict and trial.input_tokens + trial.output_tokens > 0:
            expected = memory.cost.expector(needs.category, trial.executor, needs.complexity)(trial.slug)
            used = Usage(trial.input_tokens, trial.output_tokens, 0, 0)
            found.append(surprise(used, expected))
    return found


def _sized(arms: Sequence[Arm], factor: float) -> list[Arm]:
    """The arms as expected on a task that is `factor` times as large as usual."""
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


def _affordable(
    arms: Sequence[Arm], needs: Requirements, availability: Availability
) -> tuple[list[Arm], list[Filtered]]:
    """The arms that fit into money, time and quota left, each on its own."""
    budget = float(min(needs.budget_usd, availability.budget_left_usd))
    kept: list[Arm] = []
    reasons: dict[str, str] = {}
    for arm in arms:
        reason = _too_much(arm, needs, availability, budget)
        if reason is None:
            kept.append(arm)
        else:
            reasons[arm.candidate.model] = reason
    used = {arm.candidate.model for arm in kept}
    return kept, [Filtered(model, reason) for model, reason in reasons.items() if model not in used]


def _too_much(arm: Arm, needs: Requirements, availability: Availability, budget: float) -> str | None:
    if arm.cost_usd > budget:
        return f"budget: expected to cost ${arm.cost_usd:.4f}, ${budget:.4f} are left"
    if needs.max_latency_seconds is not None and arm.seconds > needs.max_latency_seconds:
        return f"latency: expected to take {arm.seconds:.0f} s, {needs.max_latency_seconds:.0f} s are allowed"
    if needs.seconds_left is not None and arm.seconds > needs.seconds_left:
        return f"deadline: expected to take {arm.seconds:.0f} s, {needs.seconds_left:.0f} s are left"
    left = availability.free_calls_left
    if arm.candidate.free and left is not None and arm.calls > left:
        return f"quota: expected to take {arm.calls:.0f} free calls, {left} are left today"
    return None


def _with_shadow_price(arms: Sequence[Arm], availability: Availability) -> list[Arm]:
    """Give free arms a price: what the paid work costs that a later task has to buy for want of quota."""
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


def _limits(
    needs: Requirements, availability: Availability, tried: Sequence[Trial], most_rungs: int
) -> Limits:
    judged = sum(trial.end.is_verdict for trial in tried)
    return Limits(
        rungs=max(0, min(most_rungs, needs.max_attempts - judged)),
        budget_usd=float(min(needs.budget_usd, availability.budget_left_usd)),
        seconds=math.inf if needs.seconds_left is None else needs.seconds_left,
    )


def _value(needs: Requirements, arms: Sequence[Arm], memory: Memory, availability: Availability) -> float:
    """What a solved task is worth: a multiple of what the best model takes for one, within the budget.

    The multiple is the odds of the quality asked for: at 0.9 a failure is to be four times rarer than at 0.7.
    It is taken for a task of the usual size, so that a dollar buys as much success in every category, and is
    raised where the verdict errs and more rungs are needed for the same quality.
    """
    if not arms:
        return 0.0
    best = max(arm.fresh_success for arm in arms)
    strong = [arm for arm in arms if arm.fresh_success > best - 5 * NEAR_BEST]
    shares = [math.exp((arm.fresh_success - best) / NEAR_BEST) for arm in strong]
    sizes = {executor: memory.relative_size(needs.category, executor) for executor in needs.executors}
    prices = [arm.price_usd / (arm.fresh_success * sizes[arm.executor]) for arm in strong]
    going_rate = math.sumprod(shares, prices) / sum(shares)
    cheapest = min(arm.price_usd / arm.fresh_success for arm in arms)
    rates = memory.rates_of(needs.category)
    sharpness = 1.0 - rates.false_accept - rates.false_reject
    asked = min(max(needs.quality_threshold, 0.05), 0.99)
    odds = asked / (1.0 - asked) * (1.0 - DEFAULT_QUALITY) / DEFAULT_QUALITY
    value: float = odds * max(BASE_VALUE * going_rate / sharpness**2, LEAST_VALUE * cheapest)
    budget = float(min(needs.budget_usd, availability.budget_left_usd))
    return max(min(value, budget), FIRST_TRY * cheapest, LEAST_VALUE_USD)


def _rungs(ladder: Ladder, needs: Requirements, memory: Memory, tried: Sequence[Trial]) -> list[Rung]:
    """The ladder as a plan shows it: each rung's chance given that the ones before it were rejected."""
    ease, rates, rungs = _ease_of(needs, memory, tried), memory.rates_of(needs.category), []
    for arm in ladder.arms:
        right = math.sumprod(ease.weights, ease.right(arm.score))
        rungs.append(_rung(arm, rates.accepts(right), needs, memory))
        ease.learn(arm.score, False, rates)
    return rungs


def _rung(arm: Arm, accepted: float, needs: Requirements, memory: Memory) -> Rung:
    slug = arm.candidate.slug
    return Rung(
        executor=ExecutorName(arm.executor),
        model=arm.candidate.model,
        slug=slug,
        success=accepted,
        cost_usd=arm.cost_usd,
        seconds=arm.seconds,
        evidence=memory.evidence(needs.category, arm.executor, slug),
    )


def _as_plan(decision: Decision, memory: Memory) -> Plan:
    needs, ladder = decision.requirements, decision.ladder
    first = {id(arm) for arm in ladder.arms}
    others = [arm for arm in decision.considered if id(arm) not in first][:ALTERNATIVES]
    alternatives = [_rung(arm, decision.rates.accepts(arm.success), needs, memory) for arm in others]
    text, stop = explain(decision, alternatives)
    return Plan(
        rungs=decision.rungs,
        alternatives=tuple(alternatives),
        filtered=decision.filtered,
        policy=POLICY,
        explanation=text,
        value_usd=decision.value_usd,
        success=ladder.success,
        cost_usd=ladder.cost_usd,
        stop=stop,
    )
