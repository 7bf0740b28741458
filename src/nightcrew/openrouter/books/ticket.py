"""The results of admission: a ticket for one call, or a refusal with its reason."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from nightcrew.openrouter.wire.chat_request import ChatRequest, affordable_output, output_bound, prompt_bound
from nightcrew.openrouter.wire.prices import Price
from nightcrew.selection.candidates import Candidate


@dataclass(frozen=True, slots=True)
class Wish:
    """A call to be admitted."""

    candidate: Candidate
    request: ChatRequest
    price: Price
    published: Price | None  # the catalogue's price; None at a plain endpoint

    @property
    def uses_quota(self) -> bool:
        """True if it counts against the account's free calls."""
        return self.published is not None and self.published.free

    @property
    def output_tokens(self) -> int:
        """The requested output, in tokens."""
        return output_bound(self.request, self.candidate)

    def affordable_tokens(self, left_usd: Decimal | None) -> int:
        """The output, in tokens, that `left_usd` pays for; None: no cap."""
        if left_usd is None:
            return self.output_tokens
        return affordable_output(self.request, self.candidate, self.price, left_usd)

    def worst_case_usd(self, output_tokens: int) -> Decimal:
        """The most it can cost, in USD, with that much output."""
        prompt_tokens = prompt_bound(self.request, self.candidate)
        return self.price.worst_case(prompt_tokens=prompt_tokens, output_tokens=output_tokens)


class Obstacle(StrEnum):
    """The reasons for a refusal."""

    QUOTA = "quota"
    BREAKER = "resting"
    BUDGET = "budget"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Refusal:
    """No call to this model is possible now; `until` is None if waiting does not help."""

    obstacle: Obstacle
    reason: str
    until: datetime | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The permission for one call, with everything reserved for it."""

    call_key: str
    candidate: Candidate
    price: Price
    published: Price | None  # the catalogue's price; None at a plain endpoint
    output_tokens: int
    reserved_usd: Decimal
    ignored_providers: tuple[str, ...]
    breakers: frozenset[str]  # breakers with a row, i.e. with recorded faults
    started_at: datetime

    @property
    def uses_quota(self) -> bool:
        """True if it counts against the account's free calls."""
        return self.published is not None and self.published.free
