"""What a replay found: figures per policy with bootstrap intervals, paired differences, and a table."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sumprod
from typing import Any

from nightcrew.selection.replay_policies import Score

RESAMPLES = 1000
REFERENCE = "nightcrew"

type Interval = tuple[float, float]  # 95 %


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
    """The same problems under two policies."""

    policy: str
    against: str
    solved_difference: float
    solved_difference_ci: Interval
    cost_ratio: float | None
    cost_ratio_ci: Interval | None


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Everything a replay prints."""

    policies: tuple[PolicyResult, ...]
    paired: tuple[Comparison, ...]
    trained_on: int
    judged_on: int
    models: int
    validator_fa: float
    validator_fr: float
    seed: int
    quality_threshold: float
    drift: tuple[str, ...]  # models that became worse
    hidden_models: tuple[str, ...]  # models nobody had outcomes of
    per_category: Mapping[str, Mapping[str, Mapping[str, float]]]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; money in USD per task, shares from 0 to 1."""
        return asdict(self)


def results_of(scores: Mapping[str, Sequence[Score]], *, seed: int) -> tuple[PolicyResult, ...]:
    """The figures of each policy."""
    draws = _draws(len(next(iter(scores.values()))), seed)
    return tuple(_result(policy, own, draws) for policy, own in scores.items())


def comparisons_of(scores: Mapping[str, Sequence[Score]], *, seed: int) -> tuple[Comparison, ...]:
    """Nightcrew beside every other policy, problem by problem."""
    if REFERENCE not in scores:
        return ()
    draws = _draws(len(scores[REFERENCE]), seed)
    return tuple(
        _comparison(policy, scores[REFERENCE], own, draws)
        for policy, own in scores.items()
        if policy != REFERENCE
    )


def render(result: ReplayResult) -> str:
    """The figures as a table for people."""
    lines = [
        f"{result.judged_on} tasks judged, {result.trained_on} learned from, {result.models} models; "
        f"the verdict accepts {result.validator_fa:.0%} of wrong work and rejects "
        f"{result.validator_fr:.0%} of right work",
        "",
        f"{'policy':<18} {'solved':>7} {'95 % interval':>15} {'$/task':>8} {'$/solved':>9} {'p95 $':>8} "
        f"{'seconds':>8} {'attempts':>8}",
    ]
    for r in result.policies:
        interval = "{:.1f} to {:.1f}".format(*(100 * bound for bound in r.ci["solved"]))
        per_solved = "-" if r.cost_per_solved_usd is None else f"{r.cost_per_solved_usd:.3f}"
        lines.append(
            f"{r.policy:<18} {100 * r.solved:>6.1f}% {interval:>15} {r.cost_usd:>8.3f} "
            f"{per_solved:>9} {r.p95_cost_usd:>8.2f} {r.mean_seconds:>8.0f} {r.attempts:>8.2f}"
        )
    lines += ["", *(_sentence(comparison) for comparison in result.paired)]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------------

type _Draws = list[list[int]]  # how often each problem occurs in each resample


def _draws(problems: int, seed: int) -> _Draws:
    dice, draws = random.Random(seed), []  # noqa: S311
    for _ in range(RESAMPLES):
        counts = [0] * problems
        for place in dice.choices(range(problems), k=problems):
            counts[place] += 1
        draws.append(counts)
    return draws


def _result(policy: str, scores: Sequence[Score], draws: _Draws) -> PolicyResult:
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


def _comparison(policy: str, mine: Sequence[Score], other: Sequence[Score], draws: _Draws) -> Comparison:
    n = len(mine)
    gain = [float(a.solved) - float(b.solved) for a, b in zip(mine, other, strict=True)]
    my_cost, its_cost = [s.cost_usd for s in mine], [s.cost_usd for s in other]
    total = sum(its_cost)
    ratios = [sumprod(d, my_cost) / c for d in draws if (c := sumprod(d, its_cost)) > 0]
    return Comparison(
        policy=REFERENCE,
        against=policy,
        solved_difference=sum(gain) / n,
        solved_difference_ci=_interval([sumprod(d, gain) / n for d in draws]),
        cost_ratio=sum(my_cost) / total if total else None,
        cost_ratio_ci=_interval(ratios) if ratios else None,
    )


def _interval(values: Sequence[float]) -> Interval:
    ordered = sorted(values) or [0.0]
    return _quantile(ordered, 0.025), _quantile(ordered, 0.975)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _sentence(c: Comparison) -> str:
    low, high = c.solved_difference_ci
    ratio = "" if c.cost_ratio is None else f" at {c.cost_ratio:.0%} of the cost"
    return (
        f"{c.policy} against {c.against}: {100 * c.solved_difference:+.1f} points solved "
        f"({100 * low:+.1f} to {100 * high:+.1f}){ratio}"
    )
