"""Writes OpenRouter's wire format: catalogue, completions, stream chunks, errors.

It makes no decisions about answers or faults.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nightcrew.testing.answer import Answer, ToolCall
from nightcrew.testing.forms import shaped
from nightcrew.testing.scenario import ScriptedModel

TWIN = "nightcrew-twin"
PIECE = 48
CHARACTERS_PER_TOKEN = 4
PARAMETERS = ("max_tokens", "seed", "stop", "temperature", "top_p")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer."""

    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of one call; the cost is in USD."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal

    def as_json(self) -> dict[str, Any]:
        """The `usage` object in OpenRouter's format."""
        cost = float(self.cost_usd)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "cost": cost,
            "is_byok": False,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "cost_details": {"upstream_inference_cost": None},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer with its envelope."""

    id: str
    model: ScriptedModel
    created: int
    answer: Answer
    usage: Usage


def provider_name(model: ScriptedModel) -> str:
    """The provider's name in replies, which identifies the twin."""
    return f"{TWIN}/{model.provider}"


def tokens(text: str) -> int:
    """A rough count of tokens, the same for prompt and answer."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of messages and tools together."""
    asked = [body.get("messages") or [], body.get("tools") or []]
    return max(1, tokens(json.dumps(asked, ensure_ascii=False)))


def answer_tokens(original: Answer) -> int:
    """Tokens of an answer's text and tool calls together."""
    return sum(tokens(arguments_of(call)) + tokens(call.name) for call in original.calls) + tokens(
        original.text
    )


def arguments_of(call: ToolCall) -> str:
    """A tool call's arguments as sent in replies."""
    return call.raw if call.raw is not None else json.dumps(dict(call.arguments), ensure_ascii=False)


def catalogue(models: list[ScriptedModel], created: int) -> dict[str, Any]:
    """The answer of `GET /models`."""
    return {
        "data": [model_record(model, created) for model in models],
        "total_count": len(models),
        "links": {"next": None},
    }


def model_record(model: ScriptedModel, created: int) -> dict[str, Any]:
    """One model as the catalogue lists it."""
    return {
        "id": model.id,
        "canonical_slug": model.slug,
        "hugging_face_id": "",
        "name": model.name or f"Twin: {model.id}",
        "created": created,
        "description": f"A scripted model of {TWIN}; its character is {model.character}. Not a real model.",
        "context_length": model.context_length,
        "architecture": {
            "modality": "text->text",
            "input_modalities": ["text"],
            "output_modalities": ["text"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": model.price.model_dump(exclude_defaults=False),
        "top_provider": {
            "context_length": model.context_length,
            "max_completion_tokens": model.max_completion_tokens,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": [
            *PARAMETERS,
            *(("response_format", "structured_outputs") if model.structured else ()),
            *(("tool_choice", "tools") if model.tools else ()),
        ],
        "default_parameters": {},
        "knowledge_cutoff": None,
        "expiration_date": model.expiration_date,
        "links": {"details": f"/api/v1/models/{model.slug}/endpoints"},
        "benchmarks": _benchmarks(model),
        **model.record,
    }


def completion_body(whole: Completion) -> dict[str, Any]:
    """A chat completion without streaming."""
    message: dict[str, Any] = {"role": "assistant", "content": whole.answer.text or None, "refusal": None}
    if whole.answer.calls:
        message["tool_calls"] = [_tool_call(whole.id, n, call) for n, call in enumerate(whole.answer.calls)]
    finish: str | None = whole.answer.finish
    if whole.answer.form is not None:
        message, finish = shaped(whole.answer.form, message, finish)
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": finish,
        "native_finish_reason": finish,
        "logprobs": None,
    }
    return {**_envelope(whole, "chat.completion"), "choices": [choice], "usage": whole.usage.as_json()}


def chunks(whole: Completion) -> Iterator[dict[str, Any]]:
    """The same completion as stream chunks: role, pieces, finish, and usage in the last one."""
    yield _chunk(whole, {"role": "assistant", "content": ""})
    if whole.answer.form is not None:
        yield from _shaped_chunks(whole)
        return
    for piece in _pieces(whole.answer.text):
        yield _chunk(whole, {"content": piece})
    for number, call in enumerate(whole.answer.calls):
        start = {**_tool_call(whole.id, number, call), "function": {"name": call.name, "arguments": ""}}
        yield _chunk(whole, {"tool_calls": [start]})
        for piece in _pieces(arguments_of(call)):
            part = {"index": number, "function": {"arguments": piece}}
            yield _chunk(whole, {"tool_calls": [part]})
    yield _chunk(whole, {"content": ""}, finish=whole.answer.finish)
    yield {**_chunk(whole, {"role": "assistant", "content": ""}), "usage": whole.usage.as_json()}


def stream_error(whole: Completion, error: Mapping[str, Any]) -> dict[str, Any]:
    """The chunk that ends a failed stream."""
    return {**_chunk(whole, {"content": ""}, finish="error"), "error": dict(error)}


def partial_error(whole: Completion, error: Mapping[str, Any]) -> dict[str, Any]:
    """An interrupted completion without streaming."""
    body = completion_body(whole)
    body["choices"][0].update(finish_reason="error", native_finish_reason="error", error=dict(error))
    return body


def error_body(code: int | str, message: str, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """OpenRouter's error envelope."""
    error: dict[str, Any] = {"code": code, "message": message}
    if metadata:
        error["metadata"] = dict(metadata)
    return {"error": error}


def sse(event: Mapping[str, Any] | str) -> bytes:
    """One server-sent event."""
    data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
    return f"data: {data}\n\n".encode()


PROCESSING = b": OPENROUTER PROCESSING\n\n"


# --------------------------------------------------------------------------------------------------------


def _benchmarks(model: ScriptedModel) -> dict[str, Any] | None:
    if model.coding_index is None:
        return None
    return {"design_arena": [], "artificial_analysis": {"coding_index": model.coding_index}}


def _envelope(whole: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": whole.id,
        "provider": provider_name(whole.model),
        "model": whole.model.id,
        "object": kind,
        "created": whole.created,
        "system_fingerprint": TWIN,
    }


def _chunk(whole: Completion, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {
        "index": 0,
        "delta": dict(delta),
        "finish_reason": finish,
        "native_finish_reason": finish,
        "logprobs": None,
    }
    return {**_envelope(whole, "chat.completion.chunk"), "choices": [choice]}


def _shaped_chunks(whole: Completion) -> Iterator[dict[str, Any]]:
    """The chunks of an answer in a wrong form: its text in pieces, everything else in one."""
    choice = completion_body(whole)["choices"][0]
    rest = dict(choice["message"])
    if isinstance(rest.get("content"), str):
        for piece in _pieces(rest.pop("content")):
            yield _chunk(whole, {"content": piece})
    yield _chunk(whole, rest)
    ended = _chunk(whole, {"content": ""}, finish=choice["finish_reason"])
    yield {**ended, "usage": whole.usage.as_json()}


def _tool_call(generation: str, number: int, call: ToolCall) -> dict[str, Any]:
    return {
        "index": number,
        "id": f"call_{generation.removeprefix('gen-')}_{number}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments_of(call)},
    }


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE]
