"""Ladders: which arms (executor with model) to try in which order, and when to stop.

A failure makes the task look harder for every other arm. So the task's ease is integrated out over a few
points (Gauss-Hermite), and each rung is weighted by the probability that it is reached. With independent arms
this would be Weitzman's rule: go in the order of cost per success, and stop when the cost exceeds the gain.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from heapq import heappushpop
from itertools import permutations
from math import sumprod
from operator import itemgetter
from typing import NamedTuple

from nightcrew.selection.arms import Arm
from nightcrew.selection.beliefs import Gaussian, Moments, Rates, phi
from nightcrew.selection.success_model import EASE

BEAM = 1  # partial ladders kept for each first rung
LEARNING = 3.0  # value of learning: times the success probability's variance, times a task's value
LOSS = 0.5  # accepting wrong work costs this share of a solved task's value

_ROOTS = (0.0, 0.7235510187528376, 1.468553289216668, 2.266580584531843, 3.190993201781528)
_WEIGHTS = (
    0.720235215606051,
    0.4326515590025558,
    0.08847452739437657,
    4.943624275536947e-3,
    3.960697726326e-5,
)
NODES = tuple(sign * math.sqrt(2.0) * root for root in _ROOTS for sign in ((1, -1) if root else (1,)))
NODE_WEIGHTS = tuple(
    weight / math.sqrt(math.pi)
    for root, weight in zip(_ROOTS, _WEIGHTS, strict=True)
    for _ in range(2 if root else 1)
)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Arms in order, their joint value, and the probability that one of them is accepted and right."""

    arms: tuple[Arm, ...] = ()
    worth_usd: float = 0.0
    success: float = 0.0
    cost_usd: float = 0.0  # expected; rungs are weighted by the probability of reaching them


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits on all rungs of a ladder together."""

    rungs: int
    budget_usd: float
    seconds: float


class Ease:
    """The belief about one task's ease on a grid; exact for any number of judged attempts."""

    def __init__(self) -> None:
        spread = math.sqrt(EASE.variance)
        self.points = tuple(EASE.mean + spread * node for node in NODES)
        self.weights = list(NODE_WEIGHTS)

    def right(self, score: Moments) -> list[float]:
        """The probability that work of this score is right, at each grid point."""
        mean, variance = score
        spread = 1.0 / math.sqrt(1.0 + variance)
        return [phi((mean + point) * spread) for point in self.points]

    def learn(self, score: Moments, accepted: bool, rates: Rates) -> None:
        """Update the belief with one verdict on this task."""
        accepts = [rates.accepts(p) for p in self.right(score)]
        self.weights = [w * (p if accepted else 1.0 - p) for w, p in zip(self.weights, accepts, strict=True)]
        total = sum(self.weights) or 1.0
        self.weights = [weight / total for weight in self.weights]

    def as_gaussian(self) -> Gaussian:
        """Mean and variance of the belief."""
        mean = sumprod(self.weights, self.points)
        return Gaussian(mean, sumprod(self.weights, [(point - mean) ** 2 for point in self.points]))


def shortlist(arms: Sequence[Arm], rungs: int) -> list[Arm]:
    """The arms that a good ladder can contain: fewer than `rungs` others are both cheaper and better."""
    best: list[float] = []
    kept = []
    for arm in sorted(arms, key=lambda arm: (arm.price_usd, -arm.success)):
        if len(best) < rungs:
            best.append(arm.success)
            best.sort()
        elif arm.success <= heappushpop(best, arm.success):
            continue
        kept.append(arm)
    return kept


def best_ladder(arms: Sequence[Arm], ease: Ease, value_usd: float, rates: Rates, limits: Limits) -> Ladder:
    """The ladder of the highest value among `arms`; empty if no rung is worth its price."""
    steps = [_Step.of(arm, ease, value_usd, rates) for arm in arms]
    start = _Partial((), (), tuple(ease.weights), 0.0, 0.0, 0.0, 0.0, 0.0)
    beam, best = [start], start
    for _ in range(limits.rungs):
        longer = [
            (partial.worth + sumprod(partial.weights, step.gain), partial, step)
            for partial in beam
            for step in steps
            if partial.admits(step, limits)
        ]
        if not longer:
            break
        longer.sort(key=itemgetter(0), reverse=True)
        beam = [partial.grown(step) for _, partial, step in _kept(longer)]
        if beam[0].worth > best.worth:
            best = beam[0]
    best = _filled(best, start, steps, limits)
    orders = (reduce(_Partial.grown, order, start) for order in permutations(best.steps))
    best = max(orders, key=lambda partial: partial.worth)
    return Ladder(tuple(step.arm for step in best.steps), best.worth, best.success, best.expected)


def worth_of_learning(score: Moments) -> float:
    """The value of what an attempt teaches, as a share of a solved task's value; more if less is known."""
    return LEARNING * _uncertainty(score)


# ------------------------------------------------------------------------------------------------------


def _uncertainty(score: Moments) -> float:
    """The variance of a model's success probability on a task of usual ease."""
    mean, variance = score
    spread = 1.0 + variance + EASE.variance
    density = math.exp(-0.5 * mean * mean / spread) / math.sqrt(2.0 * math.pi * spread)
    return density * density * variance


def _kept(longer: Sequence[tuple[float, "_Partial", "_Step"]]) -> list[tuple[float, "_Partial", "_Step"]]:
    """The best few for each first rung: a cheap first rung looks poor before its successors are added."""
    seen: dict[int, int] = {}
    kept = []
    for entry in longer:
        _, partial, step = entry
        first = id(partial.steps[0] if partial.steps else step)
        seen[first] = seen.get(first, 0) + 1
        if seen[first] <= BEAM:
            kept.append(entry)
    return kept


def _filled(partial: "_Partial", start: "_Partial", steps: Sequence["_Step"], limits: Limits) -> "_Partial":
    """`partial` with rungs inserted while that raises its value, because the beam only appends."""
    while len(partial.steps) < limits.rungs:
        better, before = partial, start
        for place in range(len(partial.steps) + 1):
            after = _worth_after(partial.steps[place:])
            # Every arm is tried at every place: two sums of products in C take a third of a loop's time.
            reached = [w * a for w, a in zip(before.weights, after, strict=True)]
            for step in steps:
                worth = before.worth + sumprod(before.weights, step.gain) + sumprod(reached, step.passed_on)
                if worth > better.worth + 1e-12 and partial.admits(step, limits):
                    better = reduce(_Partial.grown, (step, *partial.steps[place:]), before)
            if place < len(partial.steps):
                before = before.grown(partial.steps[place])
        if better is partial:
            break
        partial = better
    return partial


def _worth_after(steps: Sequence["_Step"]) -> list[float]:
    """The value of `steps` once they are reached, at each point of ease."""
    after = [0.0] * len(NODES)
    for step in reversed(steps):
        after = [g + p * a for g, p, a in zip(step.gain, step.passed_on, after, strict=True)]
    return after


@dataclass(frozen=True, slots=True)
class _Step:
    arm: Arm
    slug: str
    gain: list[float]  # value of running it, at each point of ease
    solved: list[float]  # accepted and right
    passed_on: list[float]  # not accepted

    @classmethod
    def of(cls, arm: Arm, ease: Ease, value_usd: float, rates: Rates) -> "_Step":
        right = ease.right(arm.score)
        solved = [(1.0 - rates.false_reject) * p for p in right]
        wrong = LOSS * rates.false_accept
        news = worth_of_learning(arm.score)
        gain = [
            value_usd * (s - wrong * (1.0 - p) + news) - arm.price_usd
            for s, p in zip(solved, right, strict=True)
        ]
        return cls(arm, arm.candidate.slug, gain, solved, [1.0 - rates.accepts(p) for p in right])


class _Partial(NamedTuple):  # made hundreds of times for each decision, in a third of a dataclass's time
    steps: tuple[_Step, ...]
    slugs: tuple[str, ...]
    weights: tuple[float, ...]  # of the grid's points, times the probability that all steps fail
    worth: float
    success: float
    expected: float  # cost
    budget: float  # cost if every rung is run
    seconds: float

    def admits(self, step: _Step, limits: Limits) -> bool:
        """True if `step` can be appended: it is within the limits, and its model is not yet used."""
        return (
            self.budget + step.arm.cost_usd <= limits.budget_usd
            and self.seconds + step.arm.seconds <= limits.seconds
            and step.slug not in self.slugs
        )

    def grown(self, step: _Step) -> "_Partial":
        weights, arm = self.weights, step.arm
        return _Partial(
            (*self.steps, step),
            (*self.slugs, step.slug),
            tuple([w * p for w, p in zip(weights, step.passed_on, strict=True)]),
            self.worth + sumprod(weights, step.gain),
            self.success + sumprod(weights, step.solved),
            self.expected + arm.cost_usd * sum(weights),
            self.budget + arm.cost_usd,
            self.seconds + arm.seconds,
        )
