"""A scripted model's answer to one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nightcrew.testing.forms import AnswerForm


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call; `raw` replaces the arguments if they should not be JSON."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer: text, tool calls, and finish reason."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    form: AnswerForm | None = None  # a wrong one
