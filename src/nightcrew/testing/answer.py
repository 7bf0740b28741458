"""What a scripted model says in one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call; `raw` replaces the arguments where they are not to be JSON."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says: text, tool calls, and how it ended."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
