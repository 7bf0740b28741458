"""From a catalogue record to a candidate, and to the reason why a model cannot be used. Pure."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from nightcrew.openrouter.wire.prices import Price, read_price
from nightcrew.openrouter.wire.records import ListedModel
from nightcrew.openrouter.wire.wire_fields import to_decimal, whole
from nightcrew.selection.candidates import Candidate

# What a plain endpoint that does not say is taken to hold.
DEFAULT_CONTEXT_TOKENS = 32_768


@dataclass(frozen=True, slots=True)
class Listed:
    """A model with, if it cannot be called at all, the reason."""

    candidate: Candidate
    unusable: str | None


def list_model(
    model: ListedModel, *, today: date, gone: str | None, unknown_price_usd: Decimal | None
) -> Listed:
    """The candidate a record describes."""
    price = read_price(model.pricing)
    candidate = _candidate(model, price, unknown_price_usd)
    return Listed(candidate, gone or _why_not(model, price, today))


def configured_candidate(name: str, plain: bool, unknown_price_usd: Decimal | None) -> Listed:
    """A model that the operator names and the endpoint does not list; fine where it has no real catalogue."""
    bare = ListedModel(id=name)
    return Listed(
        _candidate(bare, None, unknown_price_usd), None if plain else "not in the provider's catalogue"
    )


# ----------------------------------------------------------------------------------------------------


def _candidate(model: ListedModel, price: Price | None, unknown_price_usd: Decimal | None) -> Candidate:
    # A record with prices comes from a catalogue that means its other fields too.
    has_catalogue = bool(model.pricing)
    candidate = Candidate(
        model=model.id,
        slug=(model.canonical_slug or model.id).split(":")[0],
        name=model.name or model.id,
        context_tokens=_context_tokens(model),
        max_output_tokens=whole(model.top_provider.get("max_completion_tokens")),
        input_price_usd=None,
        output_price_usd=None,
        tools="tools" in model.supported_parameters or not has_catalogue,
        free=price is not None and price.free,
        expires_on=model.expiration_date,
        coding_index=_coding_index(model),
        provider=model.id.lstrip("~").split("/")[0],
    )
    if price is not None:
        base = price.rates[0]
        return replace(candidate, input_price_usd=base.prompt, output_price_usd=base.completion)
    if not has_catalogue and unknown_price_usd is not None:
        return replace(candidate, input_price_usd=unknown_price_usd, output_price_usd=unknown_price_usd)
    return candidate


def _why_not(model: ListedModel, price: Price | None, today: date) -> str | None:
    if model.alias_target:
        return f"another name of {model.alias_target}"
    if model.id.startswith("openrouter/") or (model.pricing and price is None):
        return "a router that picks some model: what is learned of it would mean nothing"
    if model.id.endswith(":batch"):
        return "answers in batches only"
    outputs = model.architecture.get("output_modalities")
    if isinstance(outputs, list) and outputs != ["text"]:
        return f"does not answer in plain text but in {', '.join(map(str, outputs))}"
    if model.expiration_date is not None and model.expiration_date <= today:
        return f"expired on {model.expiration_date}"
    return None


def _context_tokens(model: ListedModel) -> int:
    """The smaller of what the model and its first provider hold."""
    stated = [
        model.context_length,
        model.max_model_len,
        whole(model.meta.get("n_ctx")),
        whole(model.top_provider.get("context_length")),
        whole(model.per_request_limits.get("prompt_tokens")),
    ]
    return min((size for size in stated if size is not None), default=DEFAULT_CONTEXT_TOKENS)


def _coding_index(model: ListedModel) -> float | None:
    indices = model.benchmarks.get("artificial_analysis")
    number = to_decimal(indices.get("coding_index")) if isinstance(indices, dict) else None
    return None if number is None else float(number)
