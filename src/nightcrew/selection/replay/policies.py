"""Policies to compare the selector with: single models, fixed ladders, a bandit, and an oracle."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nightcrew.selection.replay.outcomes import Problem, Table
from nightcrew.selection.replay.run import Record, Run, by_cost, by_solved, first_of, records


@dataclass(slots=True)
class Single:
    """One model by a fixed preference; its work is delivered unjudged."""

    rank: Callable[[Mapping[str, Record]], Sequence[str]]
    order: Sequence[str] = ()

    def teach(self, train: Table) -> None:
        """Rank the models by their outcomes in the table."""
        self.order = self.rank(records(train.problems))

    def solve(self, run: Run) -> None:
        """Deliver the work of the first available model in the order."""
        run.deliver(first_of(self.order, run.models))


@dataclass(slots=True)
class PerCategory:
    """The best model of each category; its work is delivered unjudged."""

    overall: Single = field(default_factory=lambda: Single(by_solved))
    orders: dict[str, Sequence[str]] = field(default_factory=dict)

    def teach(self, train: Table) -> None:
        """Rank the models within each category."""
        self.overall.teach(train)
        for category in {problem.category for problem in train.problems}:
            own = [problem for problem in train.problems if problem.category == category]
            self.orders[category] = by_solved(records(own))

    def solve(self, run: Run) -> None:
        """Deliver the work of the category's best model."""
        run.deliver(first_of(self.orders.get(run.problem.category, self.overall.order), run.models))


@dataclass(slots=True)
class StaticLadder:
    """Fixed rungs; by default the cheapest model, an efficient one of medium cost, and the best."""

    rungs: Sequence[str] = ()

    def teach(self, train: Table) -> None:
        """Choose the rungs, unless they are given."""
        self.rungs = self.rungs or three_rungs(records(train.problems))

    def solve(self, run: Run) -> None:
        """Try rung after rung until the verdict accepts."""
        for model in self.rungs:
            if model in run.problem.cells and run.attempt(model):
                return


@dataclass(slots=True)
class RandomChoice:
    """A random model; its work is delivered unjudged."""

    dice: random.Random

    def teach(self, train: Table) -> None:
        """Nothing to learn."""

    def solve(self, run: Run) -> None:
        """Deliver the work of a random model."""
        run.deliver(self.dice.choice(run.models))


@dataclass(slots=True)
class Thompson:
    """One model per problem, drawn from Beta beliefs per category by value minus cost; keeps learning."""

    dice: random.Random
    verdict: Callable[[Problem, str], bool]
    counts: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    value_usd: float = 1.0

    def teach(self, train: Table) -> None:
        """Count successes; the value of a solved problem is four times the best model's cost of one."""
        known = records(train.problems)
        self.cost = {model: record.cost_usd for model, record in known.items()}
        best = known[by_solved(known)[0]]
        self.value_usd = 4.0 * best.cost_usd / max(best.solved, 0.01)
        for problem in train.problems:
            for model in problem.cells:
                self._count(problem, model)

    def solve(self, run: Run) -> None:
        """Deliver the work of the model with the best draw."""
        model = max(run.models, key=lambda model: self._draw(run.problem.category, model))
        run.deliver(model)
        self._count(run.problem, model)

    def _draw(self, category: str, model: str) -> float:
        won, lost = self.counts.get((category, model), (1.0, 1.0))
        return self.value_usd * self.dice.betavariate(won, lost) - self.cost.get(model, 0.0)

    def _count(self, problem: Problem, model: str) -> None:
        self.counts.setdefault((problem.category, model), [1.0, 1.0])[not self.verdict(problem, model)] += 1.0


@dataclass(slots=True)
class Oracle:
    """Knows every outcome: uses the cheapest model that solves the problem, if any."""

    def teach(self, train: Table) -> None:
        """Nothing to learn."""

    def solve(self, run: Run) -> None:
        """Deliver the cheapest right work."""
        cells = run.problem.cells
        right = [model for model in run.models if cells[model].success]
        if right:
            run.deliver(min(right, key=lambda model: cells[model].cost_usd))


def efficient(known: Mapping[str, Record]) -> list[str]:
    """The models that no cheaper model equals, cheapest first."""
    front: list[str] = []
    for model in by_cost(known):
        if not front or known[model].solved > known[front[-1]].solved:
            front.append(model)
    return front


def three_rungs(known: Mapping[str, Record]) -> tuple[str, ...]:
    """The cheapest model, the best, and between them the efficient one with the cost nearest their mean.

    Efficient means that no cheaper model solves as much. The mean is geometric.
    """
    cheapest, best, front = by_cost(known)[0], by_solved(known)[0], efficient(known)
    between = [model for model in front if model not in {cheapest, best}]
    aim = known[cheapest].cost_usd * known[best].cost_usd
    middle = min(between, key=lambda model: _apart(known[model].cost_usd ** 2, aim), default=None)
    return tuple(dict.fromkeys(model for model in (cheapest, middle, best) if model is not None))


# ------------------------------------------------------------------------------------------------------


def _apart(a: float, b: float) -> float:
    return max(a, b) / max(min(a, b), 1e-12)
