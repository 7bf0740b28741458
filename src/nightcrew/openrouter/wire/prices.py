"""The most that a call may cost: a model's prices, with surcharges by prompt size and hour.

Prices are `Decimal` USD per token (`request`: per call).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nightcrew.openrouter.wire.wire_fields import to_decimal
from nightcrew.selection.candidates import Candidate

_ZERO = Decimal(0)
PER_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Rate:
    """Prices from a prompt size on; hours are not stored, because a call may span several."""

    prompt: Decimal
    completion: Decimal
    from_prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """All rates of one model."""

    rates: tuple[Rate, ...]
    request: Decimal = _ZERO

    @property
    def free(self) -> bool:
        """True if no call can cost anything."""
        return self.request == 0 and all(rate.prompt == 0 and rate.completion == 0 for rate in self.rates)

    def highest(self, prompt_tokens: int) -> Rate:
        """The highest rates for a prompt of up to `prompt_tokens`."""
        met = [rate for rate in self.rates if rate.from_prompt_tokens <= prompt_tokens]
        return Rate(max(rate.prompt for rate in met), max(rate.completion for rate in met))

    def worst_case(self, *, prompt_tokens: int, output_tokens: int) -> Decimal:
        """The upper bound of the cost in USD, at these prices."""
        rate = self.highest(prompt_tokens)
        return rate.prompt * prompt_tokens + rate.completion * output_tokens + self.request


def flat(prompt: Decimal, completion: Decimal) -> Price:
    """A price without surcharges."""
    return Price((Rate(prompt, completion),))


def read_price(pricing: Mapping[str, Any]) -> Price | None:
    """The price in a catalogue record; None if it is not published (routers have -1)."""
    base = _rate(pricing, None)
    if base is None:
        return None
    overrides = pricing.get("overrides")
    rises = [_rate(item, base) for item in overrides or () if isinstance(item, Mapping)]
    request = to_decimal(pricing.get("request")) or _ZERO
    return Price((base, *(rise for rise in rises if rise is not None)), max(request, _ZERO))


def price_of(
    candidate: Candidate, published: Mapping[str, Price], unknown_price_usd: Decimal | None
) -> Price | None:
    """The price for reservations: the published one, else the candidate's, else the configured ceiling."""
    if candidate.model in published:
        return published[candidate.model]
    if candidate.input_price_usd is not None and candidate.output_price_usd is not None:
        return flat(candidate.input_price_usd, candidate.output_price_usd)
    return None if unknown_price_usd is None else flat(unknown_price_usd, unknown_price_usd)


# ----------------------------------------------------------------------------------------------------

# A prompt may be billed as a cache write, and reasoning at its own price.
_PROMPT = ("prompt", "input_cache_write", "input_cache_write_1h")
_COMPLETION = ("completion", "internal_reasoning")


def _rate(pricing: Mapping[str, Any], base: Rate | None) -> Rate | None:
    prompt = _highest(pricing, _PROMPT, base.prompt if base else None)
    completion = _highest(pricing, _COMPLETION, base.completion if base else None)
    if prompt is None or completion is None or prompt < 0 or completion < 0:
        return None
    size = to_decimal(pricing.get("min_prompt_tokens"))
    return Rate(prompt, completion, int(size) if size is not None else 0)


def _highest(pricing: Mapping[str, Any], names: tuple[str, ...], otherwise: Decimal | None) -> Decimal | None:
    first = to_decimal(pricing.get(names[0]))
    if first is None:
        return otherwise
    if first < 0:
        return first
    return max(first, *(to_decimal(pricing.get(name)) or _ZERO for name in names[1:]))
