"""The frontier: solved share against cost, for the selector and for fixed ladders at several settings.

One setting of each would not suffice, because the selector may solve less for much less money. So it runs at
several quality thresholds. The ladders have three rungs and are the efficient ones of the training part: of
models that no cheaper one equals, and such that no other ladder solves as much for less. A setting is beaten
if the other kind has a setting that solves at least as much for no more money.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from nightcrew.selection.replay.figures import Comparison, comparison_of, draws_of
from nightcrew.selection.replay.outcomes import Problem
from nightcrew.selection.replay.policies import efficient, three_rungs
from nightcrew.selection.replay.run import Score, records

QUALITIES = (0.5, 0.7, 0.85, 0.93, 0.945, 0.96, 0.98)
MOST_LADDERS = 8
WIDEST_FRONT = 12  # the most models that ladders are built from

type Ladder3 = tuple[str, ...]


class _Point(NamedTuple):
    solved: float
    cost_usd: float

    def beats(self, other: "_Point") -> bool:
        """True if this solves at least as much for no more money, and is better in one of the two."""
        return self != other and self.solved >= other.solved and self.cost_usd <= other.cost_usd


@dataclass(frozen=True, slots=True)
class Setting:
    """A point of the frontier; `beaten_by` names a setting of the other kind, or is empty."""

    name: str  # a quality threshold, or the rungs of a ladder
    solved: float
    cost_usd: float
    beaten_by: str


@dataclass(frozen=True, slots=True)
class Frontier:
    """The selector's settings and the ladders, each in the order of cost."""

    nightcrew: tuple[Setting, ...]
    ladders: tuple[Setting, ...]
    against_ladder: tuple[Comparison, ...]  # the selector's settings against `ladder-3`, task by task


def good_ladders(problems: Sequence[Problem]) -> list[Ladder3]:
    """The usual ladder, then the three-rung ladders that no other beats on `problems`, cheapest first."""
    known = records(problems)
    usual, front = three_rungs(known), efficient(known)[-WIDEST_FRONT:]
    points = {rungs: _climbed(rungs, problems) for rungs in combinations(front, 3)}
    good = [
        rungs for rungs, point in points.items() if not any(other.beats(point) for other in points.values())
    ]
    good.sort(key=lambda rungs: points[rungs].cost_usd)
    step = max(1, -(-len(good) // MOST_LADDERS))
    return list(dict.fromkeys([usual, *good[::step]]))


def frontier_of(
    nightcrew: Mapping[float, Sequence[Score]],
    ladders: Mapping[Ladder3, Sequence[Score]],
    *,
    seed: int,
) -> Frontier:
    """The frontier from scores on the same problems: the selector's by quality, the ladders' by rungs.

    The first of `ladders` is the usual one.
    """
    own = {f"quality {quality:g}": scores for quality, scores in nightcrew.items()}
    others = {" > ".join(rungs): scores for rungs, scores in ladders.items()}
    usual, draws = next(iter(others.values())), draws_of(len(next(iter(own.values()))), seed)
    return Frontier(
        _settings(own, others),
        _settings(others, own),
        tuple(comparison_of(name, scores, "ladder-3", usual, draws) for name, scores in own.items()),
    )


# ------------------------------------------------------------------------------------------------------


def _climbed(rungs: Ladder3, problems: Sequence[Problem]) -> _Point:
    solved, cost = 0, 0.0
    for problem in problems:
        for model in rungs:
            cell = problem.cells.get(model)
            if cell is not None:
                cost += cell.cost_usd
                if cell.success:
                    solved += 1
                    break
    return _Point(solved / len(problems), cost / len(problems))


def _settings(
    own: Mapping[str, Sequence[Score]], others: Mapping[str, Sequence[Score]]
) -> tuple[Setting, ...]:
    points = {name: _point(scores) for name, scores in own.items()}
    rivals = {name: _point(scores) for name, scores in others.items()}
    found = [
        Setting(name, *point, next((rival for rival, its in rivals.items() if its.beats(point)), ""))
        for name, point in points.items()
    ]
    return tuple(sorted(found, key=lambda setting: setting.cost_usd))


def _point(scores: Sequence[Score]) -> _Point:
    n = len(scores)
    return _Point(sum(score.solved for score in scores) / n, sum(score.cost_usd for score in scores) / n)
