"""A chat request as a scripted model reads it: the task, the actions so far, and the available tools."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

REJECTED = "Why the previous attempt was rejected:"
DEFAULT_ROOT = "/workspace"
_CWD = re.compile(r"current working directory is: (\S+)")


class Action(NamedTuple):
    """One earlier tool call of the conversation, with its result."""

    tool: str
    arguments: dict[str, Any]
    result: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """One parsed chat request."""

    task_type: str
    target_file: str | None
    description: str
    """The first line of the task's description."""
    asked: str
    """All text of user messages."""
    rejected_before: bool
    turn: int
    """Number of this call in the conversation, from 1 (answers so far plus one)."""
    actions: tuple[Action, ...]
    tools: Mapping[str, frozenset[str]]
    """The names of the available tools, each with the names of its parameters."""
    root: str
    """Absolute path of the workspace as the tools see it."""
    key: str
    """Equal for all calls of one conversation."""
    schema: bool = False
    """True if the answer must be JSON of a given schema."""


def read_conversation(body: Mapping[str, Any]) -> Conversation:
    """Parse an OpenAI chat body; missing parts are empty, and nothing is refused."""
    messages = _mappings(body.get("messages"))
    asked = "\n".join(text_of(message) for message in messages if message.get("role") == "user")
    tools = list(_functions(body))
    target = _line(asked, "Target file")
    return Conversation(
        task_type=_line(asked, "Task type"),
        target_file=None if target in {"", "-"} else target,
        description=_line(asked, "Task"),
        asked=asked,
        rejected_before=REJECTED in asked,
        turn=1 + sum(message.get("role") == "assistant" for message in messages),
        actions=tuple(_actions(messages)),
        tools={str(tool.get("name", "")): _parameters(tool) for tool in tools},
        root=_root(tools),
        key=_key(messages),
        schema="json_schema" in _mapping(body.get("response_format")),
    )


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message whose content is a string, a list of parts, or null."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in _mappings(content))
    return content if isinstance(content, str) else ""


# --------------------------------------------------------------------------------------------------------


def _line(text: str, label: str) -> str:
    found = re.search(rf"^{label}:[ \t]*(.*?)[ \t\r]*$", text, re.MULTILINE)
    return found.group(1) if found else ""


def _functions(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for tool in _mappings(body.get("tools")):
        yield from _mappings([tool.get("function")])


def _parameters(function: Mapping[str, Any]) -> frozenset[str]:
    for parameters in _mappings([function.get("parameters")]):
        for properties in _mappings([parameters.get("properties")]):
            return frozenset(str(name) for name in properties)
    return frozenset()


def _root(tools: list[Mapping[str, Any]]) -> str:
    for tool in tools:
        found = _CWD.search(str(tool.get("description", "")))
        if found:
            return found.group(1).rstrip("/.")
    return DEFAULT_ROOT


def _actions(messages: list[Mapping[str, Any]]) -> Iterator[Action]:
    results = {str(m.get("tool_call_id")): text_of(m) for m in messages if m.get("role") == "tool"}
    for message in messages:
        for call in _mappings(message.get("tool_calls")):
            result = results.get(str(call.get("id")), "")
            for function in _mappings([call.get("function")]):
                yield Action(str(function.get("name", "")), _arguments(function.get("arguments")), result)


def _arguments(raw: object) -> dict[str, Any]:
    try:
        value = json.loads(raw) if isinstance(raw, str) else raw
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _key(messages: list[Mapping[str, Any]]) -> str:
    first = [text_of(message) for message in messages if message.get("role") == "user"][:1]
    return hashlib.sha256("\n".join(first).encode("utf-8", "replace")).hexdigest()[:16]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    """The mappings in a list; empty if it is not a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
