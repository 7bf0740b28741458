"""A chat request from the sandbox: the part that may be sent, and its largest size in tokens. Pure.

The sender is not trusted. Only fields in `request_schema` pass, so that it cannot change which model is
called, which other tools are run, or how many answers are billed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from nightcrew.errors import BadInput
from nightcrew.openrouter.wire.prices import PER_MILLION, Price
from nightcrew.openrouter.wire.request_schema import allowed_parameters
from nightcrew.openrouter.wire.wire_fields import to_decimal
from nightcrew.selection.candidates import Candidate
from nightcrew.settings import DataPolicy

DEFAULT_OUTPUT_TOKENS = 16_384  # if the sender sets no limit
LEAST_OUTPUT_TOKENS = 1_024  # a call with less room is not worth its cost
# Tokens that providers add to a prompt: chat templates, and instructions for tools.
TEMPLATE_TOKENS = 1_000


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that may be sent, and an upper bound of its prompt in tokens for any tokenizer."""

    parameters: Mapping[str, Any]
    prompt_tokens_at_most: int
    output_tokens_asked: int
    streamed: bool
    hinted: bool = False  # it ends with a hint about the form of the answer before

    @property
    def prompt_tokens_likely(self) -> int:
        """An estimate: four bytes per token."""
        return self.prompt_tokens_at_most // 4


def read_request(body: Mapping[str, Any]) -> ChatRequest:
    """The part of `body` that may be sent.

    Raises:
        BadInput: no messages, content other than text, a tool other than a function, a value out of range,
            half of a character.
    """
    parameters = allowed_parameters(body)
    try:
        size = len(to_json(parameters))
    except PydanticSerializationError:
        raise BadInput("this request cannot be sent: a text has half of a character") from None
    asked = to_decimal(body.get("max_completion_tokens")) or to_decimal(body.get("max_tokens"))
    return ChatRequest(
        parameters=parameters,
        prompt_tokens_at_most=size + TEMPLATE_TOKENS,
        output_tokens_asked=int(asked) if asked is not None and asked >= 1 else DEFAULT_OUTPUT_TOKENS,
        streamed=body.get("stream") is True,
    )


def prompt_bound(request: ChatRequest, candidate: Candidate) -> int:
    """The most prompt tokens that this model can bill, as a token has at least one byte."""
    return min(request.prompt_tokens_at_most, candidate.context_tokens)


def output_bound(request: ChatRequest, candidate: Candidate) -> int:
    """The limit of output tokens for this model."""
    return min(request.output_tokens_asked, candidate.max_output_tokens or request.output_tokens_asked)


def affordable_output(request: ChatRequest, candidate: Candidate, price: Price, left_usd: Decimal) -> int:
    """The output tokens that `left_usd` pays for after the prompt; 0 if it does not pay for the prompt."""
    prompt_tokens = prompt_bound(request, candidate)
    rest = left_usd - price.worst_case(prompt_tokens=prompt_tokens, output_tokens=0)
    rate = price.highest(prompt_tokens).completion
    if rest < 0:
        return 0
    limit = output_bound(request, candidate)
    return limit if rate == 0 else min(limit, int(rest / rate))


def outgoing(
    request: ChatRequest,
    model: str,
    *,
    output_tokens: int,
    published: Price | None,
    ignored_providers: tuple[str, ...],
    data_policy: DataPolicy = DataPolicy.ANY,
    structured: bool = False,
) -> dict[str, Any]:
    """The body to send. It makes the platform refuse endpoints above the published price and, if the policy
    says so, those that may train on prompts. A schema is sent only to a model with `structured` outputs,
    since another may have taken over: it answers as the prompt says."""
    body: dict[str, Any] = {**request.parameters, "model": model, "max_tokens": output_tokens}
    if request.streamed:
        body["stream_options"] = {"include_usage": True}
    if not structured and (body.get("response_format") or {}).get("type") == "json_schema":
        del body["response_format"]
    if published is not None:
        body["provider"] = {"max_price": _max_price(published, request.prompt_tokens_at_most)}
        if "response_format" in body:
            body["provider"]["require_parameters"] = True
        if data_policy is DataPolicy.NO_TRAINING:
            body["provider"]["data_collection"] = "deny"
        if ignored_providers:
            body["provider"]["ignore"] = list(ignored_providers)
    return body


# ----------------------------------------------------------------------------------------------------


def _max_price(price: Price, prompt_tokens: int) -> dict[str, float]:
    """The price limit in USD per million tokens (prices here are per token)."""
    rate = price.highest(prompt_tokens)
    return {"prompt": float(rate.prompt * PER_MILLION), "completion": float(rate.completion * PER_MILLION)}
