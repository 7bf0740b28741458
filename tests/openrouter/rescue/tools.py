"""The tools of the tests: an agent's terminal, editor and finish."""

from collections.abc import Sequence
from typing import Any

from nightcrew.openrouter.rescue.offered import Offered


def tool(name: str, required: Sequence[str], **parameters: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": parameters, "required": list(required)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


TEXT = {"type": "string"}
TOOLS = [
    tool("terminal", ["command"], command=TEXT, is_input={"type": "boolean"}, timeout={"type": "number"}),
    tool(
        "file_editor",
        ["command", "path"],
        command=TEXT,
        path=TEXT,
        file_text=TEXT,
        view_range={"type": "array", "items": {"type": "integer"}},
        insert_line={"anyOf": [{"type": "integer"}, {"type": "null"}]},
    ),
    tool("finish", ["message"], message=TEXT),
    tool("list_files", []),
]
REQUEST = {"messages": [{"role": "user", "content": "Work."}], "tools": TOOLS}
OFFERED = Offered.by(REQUEST)


def body(message: dict[str, Any], finish: Any = "stop") -> dict[str, Any]:
    return {"id": "gen", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def call(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **more,
    }
