"""What may be chosen: one record per model of the catalogue, and what stands in its way right now.

Shapes only. The catalogue's room fills them in; nothing here calls anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model as the catalogue describes it. Prices are USD per token; None: unknown, which is not zero."""

    model: str  # the id to call, with its variant
    slug: str  # canonical slug without variant: the name outcomes are learned under
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


@dataclass(frozen=True, slots=True)
class Availability:
    """The state of the account and of its models at this moment."""

    resting: Mapping[str, str] = field(default_factory=dict)  # model id -> why it rests
    free_calls_left: int | None = None  # account-wide, today; None: not limited
    budget_left_usd: Decimal = Decimal("Infinity")  # of the crew's day and month, whichever is less
    tasks_expected: float = 20.0  # still today; what is left of the free quota is shared among them
