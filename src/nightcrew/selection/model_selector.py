"""The model selector: plans the cheapest way to an accepted change, and learns from verdicts.

`plan` is a pure function of its arguments: requirements, catalogue, memory, availability and earlier trials.
It runs before every attempt: only the first rung of its ladder is executed, then the memory learns the
verdict and a new plan is made.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from nightcrew.selection.arms import Arm, affordable, arms_of, repeated, sized, untried, with_shadow_price
from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.cost_model import Usage, surprise, task_size
from nightcrew.selection.explanation import Decision, explain
from nightcrew.selection.filters import Filters
from nightcrew.selection.memory import Memory, Trial, TrialEnd
from nightcrew.selection.plan import Filtered, FilterName, Plan, Rung
from nightcrew.selection.planner import Ease, Ladder, Limits, best_ladder, shortlist
from nightcrew.selection.requirements import DEFAULT_QUALITY, HIGHEST_QUALITY, Requirements
from nightcrew.selection.success_model import EASE
from nightcrew.task import ExecutorName

log = logging.getLogger(__name__)

PASSING = {FilterName.RESTING, FilterName.QUOTA}  # reasons that end by themselves
POLICY = "planned-ladder"
MOST_RUNGS = 4
ALTERNATIVES = 8
BASE_VALUE = 0.7  # value of a solved task, in attempts of the best model
LEAST_VALUE = 4.0  # its least value, in the cheapest cost per success
FIRST_TRY = 1.5  # its least value, in attempts of the cheapest arm
LEAST_VALUE_USD = 0.05  # if all models are (nearly) free, prices do not tell the value
NEAR_BEST = 0.02  # difference in success probability within which a model counts as the best


@dataclass(frozen=True, slots=True)
class ModelSelector:
    """Makes plans. `most_rungs` bounds the ladder of one plan, not the attempts of a task."""

    most_rungs: int = MOST_RUNGS

    def plan(
        self,
        requirements: Requirements,
        candidates: Sequence[Candidate],
        memory: Memory,
        availability: Availability,
        tried: Sequence[Trial] = (),
    ) -> Plan:
        """The plan for this task in its current state; if it has no rungs, `stop` says why."""
        kept, filtered = _filter(requirements, candidates, availability)
        ease = _ease_of(requirements, memory, tried)
        arms = arms_of(requirements, kept, memory, ease.as_gaussian() if tried else EASE)
        value = _value(requirements, arms, memory, availability)
        limits = _limits(requirements, availability, tried, self.most_rungs)
        rates = memory.rates_of(requirements.task_type)
        size = task_size(_surprises(requirements, memory, tried))

        def chosen(some: tuple[list[Arm], list[Filtered]]) -> tuple[list[Filtered], list[Arm], Ladder]:
            arms, left_out = some
            arms, too_much = affordable(sized(arms, size), requirements, availability)
            considered = shortlist(with_shadow_price(arms, availability), limits.rungs + 1)
            found = best_ladder(considered, ease, value, rates, limits)
            return [*left_out, *too_much], considered, found

        fresh, left_out = untried(arms, tried)
        again, cannot = repeated(arms, tried, memory, ease.as_gaussian())
        left_out, considered, ladder = chosen((fresh, left_out))
        passing = any(out.removal.by in PASSING for out in (*filtered, *left_out))
        # Another model, even one to wait for, may know what this one does not; beside others, value decides.
        if again and (ladder.arms or not passing):
            mixed = chosen(([*fresh, *again], cannot))
            left_out, considered, ladder = mixed if mixed[2].arms else (left_out, considered, ladder)
        return _as_plan(
            Decision(
                requirements=requirements,
                tried=tuple(tried),
                filtered=(*filtered, *left_out),
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
        removal = filters.removal(candidate)
        if removal is None:
            kept.append(candidate)
        else:
            filtered.append(Filtered(candidate.model, removal))
    shift = needs.seed % len(kept) if kept else 0
    return kept[shift:] + kept[:shift], filtered


def _ease_of(needs: Requirements, memory: Memory, tried: Sequence[Trial]) -> Ease:
    """The task's ease, estimated from the verdicts on it so far."""
    ease, rates = Ease(), memory.rates_of(needs.task_type)
    for number, trial in enumerate(tried):
        if trial.end.is_verdict:
            score = memory.score_of(needs.task_type, needs.complexity, trial, tried[:number])
            ease.learn(score, trial.end is TrialEnd.ACCEPTED, rates)
    return ease


def _surprises(needs: Requirements, memory: Memory, tried: Sequence[Trial]) -> list[float]:
    """By how much each attempt so far used more or less than expected (logarithms)."""
    found = []
    for trial in tried:
        if trial.end.is_verdict and trial.input_tokens + trial.output_tokens > 0:
            expected, *_ = memory.cost.expected(
                needs.task_type, trial.executor, needs.complexity, [trial.slug]
            )
            used = Usage(trial.input_tokens, trial.output_tokens, 0, 0)
            found.append(surprise(used, expected))
    return found


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
    """The value of a solved task in USD: a multiple of the best model's cost per success, within the budget.

    The multiple is the odds of the required quality: at 0.9, failures should be four times rarer than at 0.7.
    It refers to a task of the usual size, so that a dollar buys the same success for every task type, and is
    raised if the verdict errs, because the same quality then takes more rungs.
    """
    if not arms:
        return 0.0
    best = max(arm.fresh_success for arm in arms)
    strong = [arm for arm in arms if arm.fresh_success > best - 5 * NEAR_BEST]
    shares = [math.exp((arm.fresh_success - best) / NEAR_BEST) for arm in strong]
    sizes = {executor: memory.relative_size(needs.task_type, executor) for executor in needs.executors}
    prices = [arm.price_usd / (arm.fresh_success * sizes[arm.executor]) for arm in strong]
    going_rate = math.sumprod(shares, prices) / sum(shares)
    cheapest = min(arm.price_usd / arm.fresh_success for arm in arms)
    rates = memory.rates_of(needs.task_type)
    sharpness = 1.0 - rates.false_accept - rates.false_reject
    asked = min(max(needs.quality_threshold, 0.05), HIGHEST_QUALITY)
    odds = asked / (1.0 - asked) * (1.0 - DEFAULT_QUALITY) / DEFAULT_QUALITY
    value: float = odds * max(BASE_VALUE * going_rate / sharpness**2, LEAST_VALUE * cheapest)
    budget = float(min(needs.budget_usd, availability.budget_left_usd))
    return max(min(value, budget), FIRST_TRY * cheapest, LEAST_VALUE_USD)


def _rungs(ladder: Ladder, needs: Requirements, memory: Memory, tried: Sequence[Trial]) -> list[Rung]:
    """The rungs of a plan; each success probability assumes that the rungs before it were rejected."""
    ease, rates, rungs = _ease_of(needs, memory, tried), memory.rates_of(needs.task_type), []
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
        evidence=memory.evidence(needs.task_type, arm.executor, slug),
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
