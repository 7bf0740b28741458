"""Converts a catalogue record into a candidate, or the reason why the model cannot be used. Pure."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from nightcrew.openrouter.catalogue.model_forms import ModelForm
from nightcrew.openrouter.wire.prices import Price, read_price
from nightcrew.openrouter.wire.records import ListedModel
from nightcrew.openrouter.wire.wire_fields import to_decimal, whole
from nightcrew.selection.candidates import Candidate

NO_PRICE = (
    "its price is unknown: set NIGHTCREW_UNKNOWN_PRICE_USD_PER_MILLION to what a million tokens cost there, "
    "0 if nothing"
)
MISSING = "not in the provider's catalogue"
# Context window assumed for a plain endpoint that does not report one, in tokens.
DEFAULT_CONTEXT_TOKENS = 32_768


@dataclass(frozen=True, slots=True)
class Listed:
    """A model, with the reason if it cannot be used."""

    candidate: Candidate
    unusable: str | None


def list_model(
    model: ListedModel, *, today: date, gone: str | None, unknown_price_usd: Decimal | None
) -> Listed:
    """The candidate of a catalogue record."""
    price = read_price(model.pricing)
    candidate = _candidate(model, price, unknown_price_usd)
    unpriced = NO_PRICE if not model.pricing and unknown_price_usd is None else None
    return Listed(candidate, gone or _why_not(model, price, today) or unpriced)


def with_form(listed: Listed, form: ModelForm, now: datetime) -> Listed:
    """The same, with what has been seen of its answers."""
    candidate = replace(
        listed.candidate,
        tools=listed.candidate.tools and not form.cannot_call(now),
        repaired_share=form.repaired_share,
        missed_share=form.missed_share,
    )
    return replace(listed, candidate=candidate)


def configured_candidate(name: str, has_list: bool, unknown_price_usd: Decimal | None) -> Listed:
    """A configured model that the endpoint does not list; usable only if it lists nothing at all."""
    bare = ListedModel(id=name)
    unpriced = NO_PRICE if unknown_price_usd is None else None
    return Listed(_candidate(bare, None, unknown_price_usd), MISSING if has_list else unpriced)


# ----------------------------------------------------------------------------------------------------


def _candidate(model: ListedModel, price: Price | None, unknown_price_usd: Decimal | None) -> Candidate:
    # A record with prices comes from a real catalogue, whose other fields can be trusted.
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
        structured="structured_outputs" in model.supported_parameters,
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
        return "a router to varying models, about which nothing can be learned"
    if model.id.endswith(":batch"):
        return "only answers batch requests"
    outputs = model.architecture.get("output_modalities")
    if isinstance(outputs, list) and outputs != ["text"]:
        return f"does not answer in text but in {', '.join(map(str, outputs))}"
    if model.expiration_date is not None and model.expiration_date <= today:
        return f"expired on {model.expiration_date}"
    return None


def _context_tokens(model: ListedModel) -> int:
    """The smallest context window that the record states."""
    stated = [
        model.context_length,
        model.max_model_len,
        model.context_window,
        model.max_context_length,
        model.loaded_context_length,
        whole(model.meta.get("n_ctx")),
        whole(model.top_provider.get("context_length")),
        whole(model.per_request_limits.get("prompt_tokens")),
    ]
    # What a model was trained with is only an upper bound: engines give it less by default.
    trained = whole(model.meta.get("n_ctx_train")) or DEFAULT_CONTEXT_TOKENS
    return min((size for size in stated if size is not None), default=min(trained, DEFAULT_CONTEXT_TOKENS))


def _coding_index(model: ListedModel) -> float | None:
    indices = model.benchmarks.get("artificial_analysis")
    number = to_decimal(indices.get("coding_index")) if isinstance(indices, dict) else None
    return None if number is None else float(number)
