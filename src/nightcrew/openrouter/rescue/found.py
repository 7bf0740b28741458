"""A tool call found in a text. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightcrew.openrouter.rescue.offered import Tool


@dataclass(frozen=True, slots=True)
class Found:
    """A call and the part of the text that it takes up."""

    tool: Tool
    arguments: Mapping[str, Any]
    start: int
    end: int
