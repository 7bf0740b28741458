"""The interface of a replay's policies, and the models' means over a table.

A policy is taught on one table and then run on the problems of another, one by one. It sees only a problem's
category and an attempt's verdict.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from nightcrew.selection.replay.outcomes import Cell, Problem, Table


class Score(NamedTuple):
    """The result of one policy on one problem."""

    solved: bool
    cost_usd: float
    seconds: float
    attempts: int


@dataclass(slots=True)
class Run:
    """One problem for a policy, which may try models and sees only the verdicts."""

    problem: Problem
    verdict: Callable[[Problem, str], bool]
    tried: list[str] = field(default_factory=list)
    delivered: str | None = None

    @property
    def models(self) -> Sequence[str]:
        """The models that can be tried."""
        return list(self.problem.cells)

    def attempt(self, model: str) -> bool:
        """Let `model` try; its work is delivered if the verdict accepts it."""
        self.tried.append(model)
        accepted = self.verdict(self.problem, model)
        if accepted:
            self.delivered = model
        return accepted

    def deliver(self, model: str) -> None:
        """Let `model` try and deliver its work unjudged."""
        self.tried.append(model)
        self.delivered = model

    def score(self) -> Score:
        """Whether the delivered work is right, and the cost."""
        cells = [self.problem.cells[model] for model in self.tried]
        return Score(
            self.delivered is not None and self.problem.cells[self.delivered].success,
            sum(cell.cost_usd for cell in cells),
            sum(cell.seconds for cell in cells),
            len(cells),
        )


class Policy(Protocol):
    """A way to choose models."""

    def teach(self, train: Table) -> None:
        """Learn from a table of outcomes."""

    def solve(self, run: Run) -> None:
        """Work on one problem."""


class Record(NamedTuple):
    """A model's means over a table."""

    tasks: int
    solved: float
    cost_usd: float
    seconds: float


def records(problems: Sequence[Problem]) -> dict[str, Record]:
    """Each model's means over `problems`."""
    found: dict[str, list[Cell]] = {}
    for problem in problems:
        for model, cell in problem.cells.items():
            found.setdefault(model, []).append(cell)
    return {model: _means(cells) for model, cells in sorted(found.items())}


def by_solved(known: Mapping[str, Record]) -> list[str]:
    """The models, most solved problems first."""
    return sorted(known, key=lambda model: (-known[model].solved, known[model].cost_usd))


def by_cost(known: Mapping[str, Record]) -> list[str]:
    """The models, lowest cost per attempt first."""
    return sorted(known, key=lambda model: known[model].cost_usd)


def first_of(order: Sequence[str], models: Sequence[str]) -> str:
    """The first model of `order` that is in `models`."""
    there = set(models)
    return next((model for model in order if model in there), models[0])


# ------------------------------------------------------------------------------------------------------


def _means(cells: Sequence[Cell]) -> Record:
    n = len(cells)
    return Record(
        n,
        sum(cell.success for cell in cells) / n,
        sum(cell.cost_usd for cell in cells) / n,
        sum(cell.seconds for cell in cells) / n,
    )
