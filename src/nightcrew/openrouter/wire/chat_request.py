"""A chat request from the sandbox: what of it may go out, and how many tokens it can take at the most. Pure.

The sender is not trusted. Only what `request_schema` lists passes: nothing that could change who is called,
what else is run or how many answers are billed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nightcrew.openrouter.wire.prices import PER_MILLION, Price
from nightcrew.openrouter.wire.request_schema import allowed_parameters
from nightcrew.openrouter.wire.wire_fields import to_decimal
from nightcrew.selection.candidates import Candidate
from nightcrew.settings import DataPolicy

DEFAULT_OUTPUT_TOKENS = 16_384  # where the sender names no limit
LEAST_OUTPUT_TOKENS = 1_024  # with less room than this a call is not worth its money
# What providers add to a prompt by themselves: chat templates, and instructions for tools.
TEMPLATE_TOKENS = 1_000


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that may go out, and the size of its prompt in tokens, which no tokenizer can exceed."""

    parameters: Mapping[str, Any]
    prompt_tokens_at_most: int
    output_tokens_asked: int
    streamed: bool

    @property
    def prompt_tokens_likely(self) -> int:
        """A fair guess: four bytes make a token."""
        return self.prompt_tokens_at_most // 4


def read_request(body: Mapping[str, Any]) -> ChatRequest:
    """The part of `body` that may go out.

    Raises:
        BadInput: no messages, content that is not text, a tool that is no function, a value out of its range.
    """
    parameters = allowed_parameters(body)
    asked = to_decimal(body.get("max_completion_tokens")) or to_decimal(body.get("max_tokens"))
    return ChatRequest(
        parameters=parameters,
        prompt_tokens_at_most=len(json.dumps(parameters, ensure_ascii=False).encode()) + TEMPLATE_TOKENS,
        output_tokens_asked=int(asked) if asked is not None and asked >= 1 else DEFAULT_OUTPUT_TOKENS,
        streamed=body.get("stream") is True,
    )


def prompt_bound(request: ChatRequest, candidate: Candidate) -> int:
    """Tokens of prompt that this model can be billed for at the most: a token is at least one byte."""
    return min(request.prompt_tokens_at_most, candidate.context_tokens)


def output_bound(request: ChatRequest, candidate: Candidate) -> int:
    """Tokens of output to allow this model."""
    return min(request.output_tokens_asked, candidate.max_output_tokens or request.output_tokens_asked)


def affordable_output(request: ChatRequest, candidate: Candidate, price: Price, left_usd: Decimal) -> int:
    """How many tokens of output `left_usd` pays for beside the prompt; 0 if it does not pay for that."""
    prompt_tokens = prompt_bound(request, candidate)
    rest = left_usd - price.worst_case(prompt_tokens=prompt_tokens, output_tokens=0)
    rate = price.highest(prompt_tokens).completion
    if rest < 0:
        return 0
    wanted = output_bound(request, candidate)
    return wanted if rate == 0 else min(wanted, int(rest / rate))


def outgoing(
    request: ChatRequest,
    model: str,
    *,
    output_tokens: int,
    published: Price | None,
    ignored_providers: tuple[str, ...],
    data_policy: DataPolicy = DataPolicy.ANY,
) -> dict[str, Any]:
    """The body to send. Where prices are published, a dearer endpoint is refused before it answers, and one
    that may train on what it is shown, where the policy says so."""
    body: dict[str, Any] = {**request.parameters, "model": model, "max_tokens": output_tokens}
    if request.streamed:
        body["stream_options"] = {"include_usage": True}
    if published is not None:
        body["provider"] = {"max_price": _max_price(published, request.prompt_tokens_at_most)}
        if data_policy is DataPolicy.NO_TRAINING:
            body["provider"]["data_collection"] = "deny"
        if ignored_providers:
            body["provider"]["ignore"] = list(ignored_providers)
    return body


# ----------------------------------------------------------------------------------------------------


def _max_price(price: Price, prompt_tokens: int) -> dict[str, float]:
    """USD per million tokens, although prices are per token."""
    rate = price.highest(prompt_tokens)
    return {"prompt": float(rate.prompt * PER_MILLION), "completion": float(rate.completion * PER_MILLION)}
