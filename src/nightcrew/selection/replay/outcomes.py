"""A table of real outcomes, the input of a replay: what every model did on every task."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from nightcrew.errors import BadInput
from nightcrew.selection.candidates import Candidate


class Outcome(NamedTuple):
    """One attempt by one model at one task, judged by a test that is taken as the truth."""

    dataset: str
    task_id: str
    category: str
    agent: str
    model: str
    trial: str
    success: bool
    cost_usd: float
    seconds: float | None
    input_price_1m_usd: float | None
    output_price_1m_usd: float | None
    available: bool


class Cell(NamedTuple):
    """What one model did on one task."""

    success: bool
    cost_usd: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Problem:
    """One task with what every model did on it."""

    task_id: str
    category: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """Problems, and the catalogue of the models that tried them."""

    problems: tuple[Problem, ...]
    catalogue: Mapping[str, Candidate]

    def without(self, models: Iterable[str]) -> "Table":
        """The table without the outcomes of `models`."""
        hidden = frozenset(models)
        problems = [
            replace(p, cells={m: c for m, c in p.cells.items() if m not in hidden}) for p in self.problems
        ]
        kept = {m: c for m, c in self.catalogue.items() if m not in hidden}
        return Table(tuple(p for p in problems if p.cells), kept)


STAND_IN_PRICE = Decimal("0.000001")  # USD per token, for a model without list price; only ratios matter


def busiest_agent(outcomes: Sequence[Outcome]) -> str:
    """The agent with the most rows; costs and skills of different agents are not comparable.

    Raises:
        BadInput: the table has no usable row.
    """
    agents = Counter(outcome.agent for outcome in outcomes)
    if not agents:
        raise BadInput("the table has no row with a known cost: nothing can be replayed")
    return max(sorted(agents), key=lambda name: agents[name])


def table_of(outcomes: Sequence[Outcome], agent: str) -> Table:
    """The table of one agent, with the first of repeated trials and only available models."""
    cells: dict[tuple[str, str, str], dict[str, Cell]] = {}
    catalogue: dict[str, Candidate] = {}
    for row in sorted(outcomes, key=lambda o: (o.dataset, o.task_id, o.model, o.trial)):
        if row.agent != agent or not row.available:
            continue
        own = cells.setdefault((row.dataset, row.task_id, row.category), {})
        own.setdefault(row.model, Cell(row.success, row.cost_usd, row.seconds or 0.0))
        catalogue.setdefault(row.model, _candidate(row))
    problems = tuple(Problem(task, category, own) for (_, task, category), own in cells.items())
    return Table(problems, catalogue)


def split(table: Table, *, seed: int, train_share: float = 0.6) -> tuple[Table, Table]:
    """Two tables without common tasks: one to learn from, one to judge on."""
    tasks = sorted({problem.task_id for problem in table.problems})
    random.Random(seed).shuffle(tasks)  # noqa: S311  a shuffle, not a secret
    train = frozenset(tasks[: round(train_share * len(tasks))])

    def part(belongs: Callable[[str], bool]) -> Table:
        return Table(tuple(p for p in table.problems if belongs(p.task_id)), table.catalogue)

    return part(lambda task: task in train), part(lambda task: task not in train)


def shuffled(table: Table, *, seed: int) -> Table:
    """The same problems in another order."""
    problems = list(table.problems)
    random.Random(seed).shuffle(problems)  # noqa: S311
    return replace(table, problems=tuple(problems))


def drifted(table: Table, models: Sequence[str], *, seed: int, lost: float = 0.6) -> Table:
    """The problems with a share of the successes of `models` removed after the first third."""
    begin = len(table.problems) // 3
    dice = random.Random(seed)  # noqa: S311
    problems = list(table.problems)
    for place in range(begin, len(problems)):
        cells = dict(problems[place].cells)
        for model in models:
            cell = cells.get(model)
            if cell is not None and dice.random() < lost:
                cells[model] = cell._replace(success=False)
        problems[place] = replace(problems[place], cells=cells)
    return replace(table, problems=tuple(problems))


# ------------------------------------------------------------------------------------------------------


def _candidate(row: Outcome) -> Candidate:
    return Candidate(
        model=row.model,
        slug=row.model,
        name=row.model,
        context_tokens=0,
        max_output_tokens=None,
        input_price_usd=_per_token(row.input_price_1m_usd),
        output_price_usd=_per_token(row.output_price_1m_usd),
        tools=True,
        free=False,
        expires_on=None,
        coding_index=None,
        provider=row.agent,
    )


def _per_token(price_1m_usd: float | None) -> Decimal:
    return Decimal(repr(price_1m_usd)) / 1_000_000 if price_1m_usd else STAND_IN_PRICE
