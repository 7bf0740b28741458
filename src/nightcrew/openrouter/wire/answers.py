"""The outcome of one upstream call: an answer, or a fault with its row of the recovery table. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from nightcrew.execution.attempt import Rescue
from nightcrew.openrouter.wire.exchange import NoReply
from nightcrew.openrouter.wire.prices import Price
from nightcrew.openrouter.wire.recovery import Row, classify, row_of
from nightcrew.openrouter.wire.replies import Reply, Trouble, Usage, find_error, read_trouble, read_usage


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one upstream call; `row` is None if it was answered."""

    row: Row | None
    trouble: Trouble = field(default_factory=lambda: Trouble(None))
    body: Mapping[str, Any] | None = None
    usage: Usage | None = None
    http_status: int | None = None
    served_model: str | None = None
    provider: str | None = None
    generation_id: str | None = None
    finish_reason: str | None = None
    first_token_ms: float | None = None
    may_have_cost: bool = True  # False: it cannot have been billed
    rescues: tuple[Rescue, ...] = ()  # tried on the answer's form
    hint: str = ""  # what to tell the model about a form that could not be repaired
    original: Mapping[str, Any] | None = None  # the body as it came, if it was repaired

    @property
    def message(self) -> str:
        """What went wrong, for a person."""
        if self.row is None:
            return "answered"
        detail = f": {self.trouble.message}" if self.trouble.message else ""
        return f"{self.row.fault} ({self.row.seen_as}){detail}"


def from_no_reply(error: NoReply, *, http_status: int | None = None) -> Outcome:
    """The outcome without a (complete) reply."""
    return Outcome(
        row_of(error.fault), Trouble(None, str(error)), http_status=http_status, may_have_cost=error.sent
    )


def from_reply(reply: Reply, *, now: datetime) -> Outcome:
    """The outcome of a reply without streaming."""
    body = reply.body
    common = _identity(reply, body or {})
    if reply.failed:
        trouble = read_trouble(reply.status, reply.headers, body, now=now, text=reply.text)
        row = _row_of_failure(reply, trouble)
        billed = bool(body and body.get("choices"))
        return Outcome(row, trouble, body, may_have_cost=billed, **common)
    assert body is not None
    fault = _fault_of_answer(body)
    return Outcome(row_of(fault) if fault else None, body=body, **common)


def from_chunk_error(chunk: Mapping[str, Any], reply: Reply, *, now: datetime) -> Outcome:
    """The outcome of a stream with an error chunk."""
    trouble = read_trouble(None, {}, chunk, now=now)
    row = classify(trouble)
    if row.fault in {"error_in_200", "server_error", "provider_failed"}:
        row = row_of("mid_stream_error")
    return Outcome(row, trouble, **_identity(reply, chunk))


def cost_of(outcome: Outcome, price: Price, published: bool) -> Decimal | None:
    """The cost of the call in USD; None if it is unknown.

    A plain endpoint only reports tokens: their cost is calculated with the configured price.
    """
    if outcome.usage is not None and outcome.usage.cost_usd is not None:
        return max(outcome.usage.cost_usd, Decimal(0))
    if not outcome.may_have_cost:
        return Decimal(0)
    if price.free:
        return Decimal(0)
    if outcome.usage is not None and not published:
        tokens = outcome.usage
        return price.worst_case(prompt_tokens=tokens.input_tokens, output_tokens=tokens.output_tokens)
    return None


def has_content(message: Mapping[str, Any]) -> bool:
    """True if a message or delta has text or a tool call; reasoning alone does not count."""
    return bool(message.get("tool_calls")) or bool(_content(message).strip())


def text_of(body: Mapping[str, Any]) -> str:
    """The text of an answer; empty if it has none."""
    message = first_choice(body).get("message")
    return _content(message) if isinstance(message, Mapping) else ""


def chunk_failed(chunk: Mapping[str, Any]) -> bool:
    """True for a chunk that reports an error."""
    return find_error(chunk) or first_choice(chunk).get("finish_reason") == "error"


def first_choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first choice of a completion or chunk; empty if there is none."""
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


# ----------------------------------------------------------------------------------------------------


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _identity(reply: Reply, body: Mapping[str, Any]) -> dict[str, Any]:
    choice = first_choice(body)
    return {
        "usage": read_usage(body),
        "http_status": reply.status,
        "served_model": _text(body.get("model")),
        "provider": _text(body.get("provider")),
        "generation_id": reply.headers.get("x-generation-id") or _text(body.get("id")),
        "finish_reason": _text(choice.get("finish_reason")),
    }


def _row_of_failure(reply: Reply, trouble: Trouble) -> Row:
    if reply.body is None:
        row = classify(trouble) if reply.status >= 400 else row_of("not_json")
        return row if row.fault != "error_in_200" else row_of("not_json")
    row = classify(trouble)
    broke_off = first_choice(reply.body).get("finish_reason") == "error"
    if broke_off and row.fault in {"error_in_200", "server_error", "provider_failed"}:
        return row_of("mid_stream_error")
    return row


def _fault_of_answer(body: Mapping[str, Any]) -> str | None:
    """The fault of a reply that reports no error but is no answer either."""
    choice = first_choice(body)
    if choice.get("finish_reason") == "error":
        return "mid_stream_error"
    if choice.get("finish_reason") == "content_filter":
        return "refused_content"
    message = choice.get("message")
    if not isinstance(message, Mapping) or not has_content(message):
        return "empty_completion"
    return None


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str) and value else None
