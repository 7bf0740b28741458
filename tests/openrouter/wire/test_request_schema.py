"""Which parts of a chat request may reach a provider."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.errors import BadInput
from nightcrew.openrouter.wire.chat_request import read_request
from nightcrew.openrouter.wire.request_schema import allowed_parameters

ASK = [{"role": "user", "content": "hello"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "edit",
        "description": "Edit a file.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string", "default": None}}},
    },
}


TEXT = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
CALL = {"id": "1", "type": "function", "function": {"name": "edit", "arguments": "{}"}}


def _message(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [part]}]


def _nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"properties": value}
    return value


def test_what_an_agent_sends_passes_unchanged() -> None:
    body = {
        "messages": [
            {
                "role": "system",
                "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
            },
            *ASK,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "edit", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "1", "content": "done", "name": "edit"},
        ],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "edit"}},
        "temperature": 0,
        "stop": ["END"],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object"}},
        },
        "reasoning": {"effort": "low"},
    }
    assert allowed_parameters(body) == body


@pytest.mark.parametrize(
    ("extra", "place"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [{"type": "openrouter:web_search", "function": {"name": "x"}}]}, "tools"),
        ({"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, "tools"),
        ({"tools": {"type": "function"}}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": _nested(100)}}]}, "tools"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"response_format": {"type": "grammar", "grammar": "x"}}, "response_format"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"top_k": 1.5}, "top_k"),
        ({"seed": 2**80}, "seed"),
        ({"stop": ["x"] * 1000}, "stop"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "root", "content": "x"}]}, "messages"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}
                ]
            },
            "mess",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "x"}}]}]},
            "messages",
        ),
        ({"messages": _message({"type": "input_audio", "text": "x"})}, "messages"),
    ],
)
def test_what_costs_more_or_leads_out_is_refused(extra: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInput, match=f"cannot be sent to a model: {place}"):
        allowed_parameters({"messages": ASK, "tools": [TOOL]} | extra)


def test_half_a_character_is_refused_and_a_whole_one_is_not() -> None:
    read_request({"messages": [{"role": "user", "content": "\U0001f600"}]})
    with pytest.raises(BadInput, match="half of a character"):
        read_request({"messages": [{"role": "user", "content": "\ud83d"}]})


def test_unlisted_keys_do_not_go_out_at_any_level() -> None:
    body = {
        "messages": [{"role": "user", "content": "x", "images": ["http://x"], "audio": {"id": "1"}}],
        "tools": [TOOL | {"allowed_domains": ["x"]}],
        "plugins": [{"id": "web"}],
        "web_search_options": {},
        "models": ["dear/model"],
        "route": "fallback",
        "provider": {"order": ["mine"]},
        "n": 100,
        "transforms": ["middle-out"],
        "user": "x",
        "logit_bias": {"1": 100},
    }
    assert allowed_parameters(body) == {"messages": [{"role": "user", "content": "x"}], "tools": [TOOL]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["messages", "tools", "tool_choice", "stop", "reasoning", "x"]), JSON))
def test_any_body_is_refused_or_goes_out_as_json(body: dict[str, Any]) -> None:
    try:
        sent = allowed_parameters(body)
    except BadInput:
        return
    assert sent["messages"] and json.dumps(sent)
    assert "x" not in sent
