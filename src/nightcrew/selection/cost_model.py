"""Expected usage of an attempt: tokens, calls and seconds per (task type, executor, model).

Tokens are stored instead of dollars because prices change. Without outcomes for a task type, a model is
expected to use what others use there, times its usual ratio to others; its own outcomes gradually take over.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nightcrew.selection.candidates import Price
from nightcrew.task import Complexity, ExecutorName


class Usage(NamedTuple):
    """The measured or expected usage of one attempt."""

    input_tokens: float
    output_tokens: float
    calls: float
    seconds: float


type Expected = tuple[
    float, float, float, float
]  # the fields of Usage, as a plain tuple where thousands are created


@dataclass(slots=True)
class Running:
    """A running mean in which old outcomes fade: at most `MEMORY_SPAN` of them count."""

    count: float
    values: list[float]

    def add(self, values: Usage | tuple[float, ...]) -> None:
        """Move the mean towards `values`."""
        self.count = min(self.count + 1.0, MEMORY_SPAN)
        share = 1.0 / self.count
        self.values = [old + share * (new - old) for old, new in zip(self.values, values, strict=True)]


MEMORY_SPAN = 200.0
FIRST_GUESS: dict[str, Usage] = {ExecutorName.DIRECT: Usage(12_000, 2_500, 2, 60)}
AGENT_GUESS = Usage(150_000, 5_000, 30, 300)
COMPLEXITY_FACTOR = {Complexity.SIMPLE: 0.6, Complexity.MODERATE: 1.0, Complexity.COMPLEX: 1.8}
SHARED_BY_TASK = 0.45
BASE_TRUST, APPETITE_TRUST, OWN_TRUST, BILL_TRUST = (
    2.0,
    2.0,
    3.0,
    2.0,
)  # number of outcomes that weigh as much as the prior


class CostModel:
    """Running means of the attempts' usage, and of what the provider billed for it."""

    def __init__(self) -> None:
        self.base: dict[str, Running] = {}  # task_type/executor
        self.own: dict[str, dict[str, Running]] = {}  # task_type/executor -> slug
        self.appetite: dict[
            str, dict[str, Running]
        ] = {}  # executor -> slug: ratio to the base, of tokens and seconds
        self.bill: dict[str, Running] = {}  # slug: billed cost over list price (cached input is cheaper)

    def learn(
        self, *, task_type: str, executor: str, complexity: Complexity, slug: str, usage: Usage
    ) -> None:
        """Add the usage of one attempt."""
        usage = Usage(*(value / COMPLEXITY_FACTOR[complexity] for value in usage))
        place = f"{task_type}/{executor}"
        guess = self._base(place, executor)
        ratios = (size_of(usage) / size_of(guess), usage.seconds / max(guess.seconds, 1e-9))
        _running(self.appetite.setdefault(executor, {}), slug, 2).add(ratios)
        _running(self.own.setdefault(place, {}), slug, 4).add(usage)
        _running(self.base, place, 4).add(usage)

    def learn_bill(self, slug: str, *, billed_usd: float, list_usd: float) -> None:
        """Add what the provider billed for an attempt whose list price is `list_usd`."""
        if list_usd > 0:
            _running(self.bill, slug, 2).add((billed_usd, list_usd))

    def expected(
        self, task_type: str, executor: str, complexity: Complexity, slugs: Iterable[str]
    ) -> list[Expected]:
        """The expected usage of each model."""
        place, factor = f"{task_type}/{executor}", COMPLEXITY_FACTOR[complexity]
        base = Usage(*(factor * value for value in self._base(place, executor)))
        own, appetite = self.own.get(place, {}), self.appetite.get(executor, {})
        return [
            _blended(base, appetite[slug], own.get(slug), factor) if slug in appetite else base
            for slug in slugs
        ]

    def billed_shares(self, slugs: Iterable[str]) -> list[float]:
        """The share of its list price that the provider bills for each model; 1.0 without outcomes."""
        if not self.bill:
            return [1.0 for _ in slugs]
        return [1.0 if (bill := self.bill.get(slug)) is None else _share(bill) for slug in slugs]

    def _base(self, place: str, executor: str) -> Usage:
        guess, seen = FIRST_GUESS.get(executor, AGENT_GUESS), self.base.get(place)
        if seen is None:
            return guess
        trust = seen.count / (seen.count + BASE_TRUST)
        return Usage(*(trust * a + (1.0 - trust) * b for a, b in zip(seen.values, guess, strict=True)))


def size_of(usage: Expected | Running) -> float:
    """An attempt's usage as one number; output tokens are weighted by their usual price ratio."""
    values = usage.values if isinstance(usage, Running) else usage
    return values[0] + 4.0 * values[1] + 1e-9


def surprise(used: Usage, expected: Expected) -> float:
    """The logarithm of used over expected size, clipped to a factor of twenty."""
    return max(-3.0, min(3.0, math.log(size_of(used) / size_of(expected))))


def task_size(surprises: Sequence[float]) -> float:
    """A task's size relative to others of its type, estimated from the usage of its attempts so far.

    Part of the variance of (log) usage belongs to the task: if one model needs more, the next one will too.
    """
    if not surprises:
        return 1.0
    n = len(surprises)
    return math.exp(SHARED_BY_TASK * sum(surprises) / (1.0 + SHARED_BY_TASK * (n - 1)))


def cost_of(usage: Usage, price: Price) -> float:
    """USD at list prices."""
    return usage.input_tokens * price.input_usd + usage.output_tokens * price.output_usd


# ------------------------------------------------------------------------------------------------------


def _share(bill: Running) -> float:
    billed, listed = bill.values
    trust = bill.count / (bill.count + BILL_TRUST)
    return 1.0 + trust * (billed / listed - 1.0)


def _blended(base: Expected, appetite: Running, own: Running | None, factor: float) -> Expected:
    """The usual usage times the model's ratio, blended with its own means by how many outcomes it has."""
    trust = appetite.count / (appetite.count + APPETITE_TRUST)
    ratio, pace_ratio = appetite.values
    size, pace = 1.0 + trust * (ratio - 1.0), 1.0 + trust * (pace_ratio - 1.0)
    tokens_in, tokens_out, calls, seconds = base
    if own is None:
        return tokens_in * size, tokens_out * size, calls * size, seconds * pace
    trust = own.count / (own.count + OWN_TRUST)
    mine, size, pace = trust * factor, (1.0 - trust) * size, (1.0 - trust) * pace
    own_in, own_out, own_calls, own_seconds = own.values
    return (
        mine * own_in + size * tokens_in,
        mine * own_out + size * tokens_out,
        mine * own_calls + size * calls,
        mine * own_seconds + pace * seconds,
    )


def _running(table: dict[str, Running], key: str, width: int) -> Running:
    found = table.get(key)
    if found is None:
        found = table[key] = Running(0.0, [0.0] * width)
    return found
