"""What the twin's tests share: a small scenario, chat bodies, and a client that reads streams."""

import json
from collections.abc import Iterator
from typing import Any

import httpx

from nightcrew.testing import Fault, Price, Scenario, ScriptedModel, Twin
from nightcrew.testing.solutions import Match, Solution
from nightcrew.testing.wire import PROCESSING

FREE, PAID = "twin/free:free", "twin/paid"
SOLUTION = Solution(
    match=Match(target_file="src/box.py"),
    good={"src/box.py": "SIZE = 2\n", "tests/test_box.py": "def test_size():\n    assert 2 == 2\n"},
    vacuous={"tests/test_box.py": "def test_box():\n    pass\n"},
    wrong={"src/box.py": "SIZE = 3\n"},
)
PROMPT = "Work in the repository.\nTask type: bug_fix\nTarget file: src/box.py\nTask: SIZE should be 2"


def scenario(*faults: Fault, **fields: Any) -> Scenario:
    """One free and one paid capable model."""
    models = (
        ScriptedModel(id=FREE),
        ScriptedModel(id=PAID, price=Price(prompt="0.000001", completion="0.000002"), provider="works"),
    )
    return Scenario(**{"models": models, "faults": faults, "solutions": (SOLUTION,), **fields})


def body(model: str = FREE, *, prompt: str = PROMPT, **fields: Any) -> dict[str, Any]:
    """A chat request without tools."""
    return {"model": model, "messages": [{"role": "user", "content": prompt}], **fields}


def tool(name: str, *parameters: str, description: str = "") -> dict[str, Any]:
    """A tool as the request offers it."""
    properties = {parameter: {"type": "string"} for parameter in parameters}
    function = {"name": name, "description": description, "parameters": {"properties": properties}}
    return {"type": "function", "function": function}


def chat(twin: Twin, request: dict[str, Any], **headers: str) -> httpx.Response:
    """One call that is not streamed."""
    return httpx.post(f"{twin.base_url}/chat/completions", json=request, headers=headers, timeout=10)


def stream(twin: Twin, request: dict[str, Any]) -> tuple[httpx.Response, list[dict[str, Any]], bool]:
    """One streamed call: the response, its events, and whether it ended with [DONE]."""
    url = f"{twin.base_url}/chat/completions"
    with httpx.stream("POST", url, json={**request, "stream": True}, timeout=10) as response:
        raw = response.read()
    if response.headers["content-type"] == "application/json":
        return response, [], False
    assert raw.startswith(PROCESSING)
    lines = list(_data(raw.decode()))
    return response, [json.loads(line) for line in lines if line != "[DONE]"], lines[-1:] == ["[DONE]"]


def _data(raw: str) -> Iterator[str]:
    for line in raw.splitlines():
        assert not line or line.startswith((": ", "data: "))
        if line.startswith("data: "):
            yield line.removeprefix("data: ")
