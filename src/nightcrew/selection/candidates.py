"""The selector's input: one record per model of the catalogue, and the current state of the account.

Data only: the catalogue fills it in, and nothing here calls a service.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple


class Traits(NamedTuple):
    """The catalogue's indications of a model's skill, as inputs of the success model."""

    slug: str
    coding: float = 0.0  # coding index, standardised; 0: unknown
    price: float = 0.0  # logarithm of the list price; 0: unknown, free, or a dollar a million input tokens

    @classmethod
    def of(cls, slug: str, *, coding_index: float | None, price_1m_usd: float | None) -> "Traits":
        """Traits from the catalogue's own units."""
        return cls(
            slug,
            0.0 if coding_index is None else (coding_index - 40.0) / 15.0,
            max(-2.0, min(2.0, math.log(price_1m_usd) / 1.5)) if price_1m_usd else 0.0,
        )


class Price(NamedTuple):
    """USD per token. `known` is False if a ceiling replaces a price that the catalogue lacks."""

    input_usd: float
    output_usd: float
    known: bool = True


UNKNOWN_PRICE = Price(1e-6, 4e-6, known=False)  # the ceiling: $1 and $4 a million tokens


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model as the catalogue describes it. Prices are USD per token; None: unknown, which is not zero.

    `price` and `traits` are derived once, not for each decision.
    """

    model: str  # the id to call, with its variant
    slug: str  # canonical slug without variant; outcomes are learned under this name
    name: str
    context_tokens: int
    max_output_tokens: int | None
    input_price_usd: Decimal | None
    output_price_usd: Decimal | None
    tools: bool
    free: bool
    expires_on: date | None
    coding_index: float | None  # 0 to 100, from the catalogue's benchmarks
    provider: str
    structured: bool = False  # answers in JSON of a given schema
    repaired_share: float = 0.0  # of its calls, those whose form had to be repaired
    missed_share: float = 0.0  # of its replies with edits in text, those that could not be read
    price: Price = field(init=False, compare=False, repr=False)  # today's list price
    traits: Traits = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "price", self._price())
        known = self.price.input_usd * 1e6 if self.price.known else None
        traits = Traits.of(self.slug, coding_index=self.coding_index, price_1m_usd=known)
        object.__setattr__(self, "traits", traits)

    def _price(self) -> Price:
        if self.free:
            return Price(0.0, 0.0)
        if self.input_price_usd is None or self.output_price_usd is None:
            return UNKNOWN_PRICE
        return Price(float(self.input_price_usd), float(self.output_price_usd))


@dataclass(frozen=True, slots=True)
class Availability:
    """The current state of the account and of its models."""

    resting: Mapping[str, str] = field(default_factory=dict)  # model id -> why it is unavailable
    free_calls_left: int | None = None  # account-wide, today; None: not limited
    budget_left_usd: Decimal = Decimal("Infinity")  # of the crew's day or month budget, whichever is less
    tasks_expected: float = 20.0  # still today; they share the rest of the free quota
