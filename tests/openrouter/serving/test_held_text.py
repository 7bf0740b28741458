"""A secret that a provider says in pieces does not reach the client, and nothing else is lost."""

import random
from typing import Any

import pytest

from nightcrew.openrouter.serving.held_text import without_split_secrets
from nightcrew.secrets.known_secrets import KnownSecrets

KEY = "sk-or-v1-in-two-pieces-0123456789"


def chunk(delta: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"id": "gen-1", "choices": [{"index": 0, "delta": delta, "finish_reason": None, **more}]}


def result(chunks: list[dict[str, Any]]) -> tuple[str, str]:
    """All of the content, and of the first tool call's arguments."""
    content, arguments = "", ""
    for each in chunks:
        delta = each["choices"][0]["delta"]
        content += delta.get("content") or ""
        for call in delta.get("tool_calls") or ():
            assert call["index"] == 0
            arguments += (call.get("function") or {}).get("arguments") or ""
    return content, arguments


def pieces(text: str, chance: random.Random) -> list[str]:
    cuts = sorted(chance.sample(range(1, len(text)), 6))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@pytest.mark.parametrize("seed", range(20))
def test_pieces_are_put_together_before_they_are_passed_on(seed: int) -> None:
    chance = random.Random(seed)
    text = f"the key is {KEY} and that is all of the text"
    chunks = [chunk({"role": "assistant", "content": piece}) for piece in pieces(text, chance)]
    chunks += [
        chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "run", "arguments": piece}}]})
        for piece in pieces(f'{{"command": "echo {KEY}"}}', chance)
    ]
    chunks.append(chunk({}, finish_reason="stop"))
    passed = list(without_split_secrets(iter(chunks), KnownSecrets([KEY])))
    assert result(passed) == ("the key is [key] and that is all of the text", '{"command": "echo [key]"}')
    assert [each["choices"][0]["finish_reason"] for each in passed] == [None] * 14 + ["stop"]


def test_what_only_looks_like_a_beginning_is_passed_on_with_the_last_chunk() -> None:
    chunks = [chunk({"content": f"it begins {KEY[:-1]}"}), chunk({"content": ""}, finish_reason="length")]
    passed = list(without_split_secrets(iter(chunks), KnownSecrets([KEY])))
    assert passed[0]["choices"][0]["delta"] == {"content": "it begins "}
    assert result(passed)[0] == f"it begins {KEY[:-1]}"


def test_ordinary_chunks_stay_as_they_are() -> None:
    chunks = [
        chunk({"role": "assistant", "content": "Good day, "}),
        chunk(
            {"content": None, "reasoning_details": [{"type": "reasoning.text", "text": "why. ", "index": 0}]}
        ),
        chunk({"content": "to you!"}, finish_reason="stop"),
        {"id": "gen-1", "choices": [], "usage": {"prompt_tokens": 3}},
        {"error": {"code": 502, "message": "broken off"}},
    ]
    assert list(without_split_secrets(iter(chunks), KnownSecrets([KEY]))) == chunks
