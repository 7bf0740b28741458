"""The figures of a replay: one row per policy, and paired differences, with bootstrap intervals."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sumprod

from nightcrew.selection.replay.run import Score

RESAMPLES = 1000
REFERENCE = "nightcrew"

type Interval = tuple[float, float]  # 95 %
type Draws = list[list[int]]  # number of occurrences of each problem in each resample


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """One policy over all judged problems. `solved` is a share, the rest are means per problem."""

    policy: str
    solved: float
    cost_usd: float
    cost_per_solved_usd: float | None
    p95_cost_usd: float
    mean_seconds: float
    attempts: float
    ci: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two policies compared on the same problems."""

    policy: str
    against: str
    solved_difference: float
    solved_difference_ci: Interval
    cost_ratio: float | None
    cost_ratio_ci: Interval | None


def results_of(scores: Mapping[str, Sequence[Score]], *, seed: int) -> tuple[PolicyResult, ...]:
    """The figures of each policy."""
    draws = draws_of(len(next(iter(scores.values()))), seed)
    return tuple(_result(policy, own, draws) for policy, own in scores.items())


def comparisons_of(scores: Mapping[str, Sequence[Score]], *, seed: int) -> tuple[Comparison, ...]:
    """Nightcrew compared with every other policy, problem by problem."""
    if REFERENCE not in scores:
        return ()
    draws = draws_of(len(scores[REFERENCE]), seed)
    return tuple(
        comparison_of(REFERENCE, scores[REFERENCE], policy, own, draws)
        for policy, own in scores.items()
        if policy != REFERENCE
    )


def draws_of(problems: int, seed: int) -> Draws:
    """The resamples; the same for all policies, so that differences are paired."""
    dice, draws = random.Random(seed), []  # noqa: S311
    for _ in range(RESAMPLES):
        counts = [0] * problems
        for place in dice.choices(range(problems), k=problems):
            counts[place] += 1
        draws.append(counts)
    return draws


def comparison_of(
    policy: str, mine: Sequence[Score], against: str, other: Sequence[Score], draws: Draws
) -> Comparison:
    """One policy compared with another."""
    n = len(mine)
    gain = [float(a.solved) - float(b.solved) for a, b in zip(mine, other, strict=True)]
    my_cost, its_cost = [s.cost_usd for s in mine], [s.cost_usd for s in other]
    total = sum(its_cost)
    ratios = [sumprod(d, my_cost) / c for d in draws if (c := sumprod(d, its_cost)) > 0]
    return Comparison(
        policy=policy,
        against=against,
        solved_difference=sum(gain) / n,
        solved_difference_ci=_interval([sumprod(d, gain) / n for d in draws]),
        cost_ratio=sum(my_cost) / total if total else None,
        cost_ratio_ci=_interval(ratios) if ratios else None,
    )


# ------------------------------------------------------------------------------------------------------


def _result(policy: str, scores: Sequence[Score], draws: Draws) -> PolicyResult:
    n = len(scores)
    solved, cost = [float(s.solved) for s in scores], [s.cost_usd for s in scores]
    share, spent = sum(solved) / n, sum(cost) / n
    resampled = [(sumprod(d, solved) / n, sumprod(d, cost) / n) for d in draws]
    ci = {
        "solved": _interval([s for s, _ in resampled]),
        "cost_usd": _interval([c for _, c in resampled]),
        "cost_per_solved_usd": _interval([c / s for s, c in resampled if s > 0]),
    }
    return PolicyResult(
        policy=policy,
        solved=share,
        cost_usd=spent,
        cost_per_solved_usd=spent / share if share else None,
        p95_cost_usd=_quantile(sorted(cost), 0.95),
        mean_seconds=sum(s.seconds for s in scores) / n,
        attempts=sum(s.attempts for s in scores) / n,
        ci=ci,
    )


def _interval(values: Sequence[float]) -> Interval:
    ordered = sorted(values) or [0.0]
    return _quantile(ordered, 0.025), _quantile(ordered, 0.975)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
