"""The policies of the replay: the production selector, and what it has to beat.

Each is taught on one table and then run on the problems of another, one by one. A policy sees of a problem
only its category, and of an attempt only what the verdict says.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple, Protocol

from nightcrew.selection.beliefs import Rates
from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.memory import Memory, Spent, Trial, TrialEnd
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.selection.outcomes import Cell, Problem, Table
from nightcrew.selection.requirements import DEFAULT_QUALITY, Requirements
from nightcrew.selection.success_model import EASE
from nightcrew.task import ExecutorName

EXECUTOR = ExecutorName.OPENHANDS  # any one executor: the table knows a single agent
REPLAY_DAY = date(2000, 1, 1)  # no model of a table expires


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


@dataclass(slots=True)
class Nightcrew:
    """The production selector with a memory of its own, taught on the table and learning on."""

    catalogue: Mapping[str, Candidate]
    verdict: Callable[[Problem, str], bool]
    rates: Rates
    seed: int
    quality_threshold: float = DEFAULT_QUALITY
    memory: Memory = field(default_factory=Memory)
    selector: ModelSelector = field(default_factory=ModelSelector)

    def teach(self, train: Table) -> None:
        """Let the memory hear the verdict on every attempt of the table."""
        self.memory.rates["*"] = self.rates
        dice = random.Random(self.seed)  # noqa: S311
        for problem in train.problems:
            models, ease = list(problem.cells), EASE
            dice.shuffle(models)
            self.memory.success.begin_task()
            for model in models:
                ease = self.memory.learn(
                    category=problem.category,
                    executor=EXECUTOR,
                    candidate=self.catalogue[model],
                    accepted=self.verdict(problem, model),
                    spent=_spent(self.catalogue[model], problem.cells[model]),
                    ease=ease,
                )

    def solve(self, run: Run) -> None:
        """Plan, run the first rung, hear the verdict, learn, plan again."""
        problem = run.problem
        needs = Requirements(
            category=problem.category,
            today=REPLAY_DAY,
            quality_threshold=self.quality_threshold,
            executors=(EXECUTOR,),
            seed=self.seed,
        )
        candidates = [self.catalogue[model] for model in run.models]
        trials: list[Trial] = []
        while run.delivered is None:
            plan = self.selector.plan(needs, candidates, self.memory, Availability(), trials)
            if not plan.rungs:
                return
            model = plan.rungs[0].model
            end = TrialEnd.ACCEPTED if run.attempt(model) else TrialEnd.REJECTED
            spent = _spent(self.catalogue[model], problem.cells[model])
            self.memory.record(
                category=problem.category,
                executor=EXECUTOR,
                candidate=self.catalogue[model],
                end=end,
                spent=spent,
                before=trials,
            )
            trials.append(Trial(EXECUTOR, model, end, spent.input_tokens, spent.output_tokens))


@dataclass(slots=True)
class Single:
    """One model by a fixed preference, its work delivered unjudged."""

    rank: Callable[[Mapping[str, Record]], Sequence[str]]
    order: Sequence[str] = ()

    def teach(self, train: Table) -> None:
        """Rank the models by what they did on the table."""
        self.order = self.rank(records(train.problems))

    def solve(self, run: Run) -> None:
        """Deliver the work of the first model in the order that can be had."""
        run.deliver(first_of(self.order, run.models))


@dataclass(slots=True)
class PerCategory:
    """The best model of each category, its work delivered unjudged."""

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
    """Three rungs fixed once: the cheapest model, a good one at a middling cost, the best. Never learns."""

    rungs: Sequence[str] = ()

    def teach(self, train: Table) -> None:
        """Choose the rungs."""
        self.rungs = three_rungs(records(train.problems))

    def solve(self, run: Run) -> None:
        """Climb until the verdict accepts."""
        for model in self.rungs:
            if model in run.problem.cells and run.attempt(model):
                return


@dataclass(slots=True)
class RandomChoice:
    """Any model, its work delivered unjudged."""

    dice: random.Random

    def teach(self, train: Table) -> None:
        """Nothing to learn."""

    def solve(self, run: Run) -> None:
        """Deliver the work of a model drawn by lot."""
        run.deliver(self.dice.choice(run.models))


@dataclass(slots=True)
class Thompson:
    """One model a problem, drawn from Beta beliefs per category, by worth less cost; learns on."""

    dice: random.Random
    verdict: Callable[[Problem, str], bool]
    counts: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    value_usd: float = 1.0

    def teach(self, train: Table) -> None:
        """Count successes; a solved problem is worth four times what the best model takes for one."""
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
    """Knows every outcome: the cheapest model that solves the problem, none where none does."""

    def teach(self, train: Table) -> None:
        """Knows already."""

    def solve(self, run: Run) -> None:
        """Deliver the cheapest right work."""
        cells = run.problem.cells
        right = [model for model in run.models if cells[model].success]
        if right:
            run.deliver(min(right, key=lambda model: cells[model].cost_usd))


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


def three_rungs(known: Mapping[str, Record]) -> tuple[str, ...]:
    """The cheapest, the best, and between them that efficient model whose cost lies nearest their mean.

    Efficient: no cheaper model solves as much. The mean is the geometric one.
    """
    cheapest, best = by_cost(known)[0], by_solved(known)[0]
    front: list[str] = []
    for model in by_cost(known):
        if not front or known[model].solved > known[front[-1]].solved:
            front.append(model)
    between = [model for model in front if model not in {cheapest, best}]
    aim = known[cheapest].cost_usd * known[best].cost_usd
    middle = min(between, key=lambda model: _apart(known[model].cost_usd ** 2, aim), default=None)
    return tuple(dict.fromkeys(model for model in (cheapest, middle, best) if model is not None))


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


def _apart(a: float, b: float) -> float:
    return max(a, b) / max(min(a, b), 1e-12)


def _spent(candidate: Candidate, cell: Cell) -> Spent:
    """The cost as tokens at the list price, so that the production cost model finds the same cost again."""
    price = float(candidate.input_price_usd or 0) + OUTPUT_SHARE * float(candidate.output_price_usd or 0)
    tokens = cell.cost_usd / price
    return Spent(
        round(tokens),
        round(OUTPUT_SHARE * tokens),
        calls=1,
        seconds=cell.seconds,
        cost_usd=Decimal(cell.cost_usd),
    )


OUTPUT_SHARE = 0.02  # output tokens per input token of an agent's run
