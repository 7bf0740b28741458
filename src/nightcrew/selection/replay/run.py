"""What a policy of the replay is, what it sees of a problem, and what is known of models over a table.

A policy is taught on one table and then run on the problems of another, one by one. It sees of a problem only
its category, and of an attempt only what the verdict says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from nightcrew.selection.replay.outcomes import Cell, Problem, Table


class Score(NamedTuple):
    """What one policy made of one problem."""

    solved: bool
    cost_usd: float
    seconds: float
    attempts: int


@dataclass(slots=True)
class Run:
    """One problem in front of a policy: it may try models, and hears the verdict's voice only."""

    problem: Problem
    verdict: Callable[[Problem, str], bool]
    tried: list[str] = field(default_factory=list)
    delivered: str | None = None

    @property
    def models(self) -> Sequence[str]:
        """The models that can be tried."""
        return list(self.problem.cells)

    def attempt(self, model: str) -> bool:
        """Let `model` try; its work is delivered where the verdict accepts it."""
        self.tried.append(model)
        accepted = self.verdict(self.problem, model)
        if accepted:
            self.delivered = model
        return accepted

    def deliver(self, model: str) -> None:
        """Let `model` try and deliver whatever comes of it, unjudged."""
        self.tried.append(model)
        self.delivered = model

    def score(self) -> Score:
        """The truth about what was delivered, and the bill."""
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
    """Models, the one that solves most first."""
    return sorted(known, key=lambda model: (-known[model].solved, known[model].cost_usd))


def by_cost(known: Mapping[str, Record]) -> list[str]:
    """Models, the cheapest per attempt first."""
    return sorted(known, key=lambda model: known[model].cost_usd)


def first_of(order: Sequence[str], models: Sequence[str]) -> str:
    """The first of `order` that is among `models`."""
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
