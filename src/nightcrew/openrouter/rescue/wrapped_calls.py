"""Calls of a function that calls a tool by its name.

call_tool("terminal", {"command": "ls"})
execute(name="terminal", arguments={"command": "ls"})
"""

import ast
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from nightcrew.openrouter.rescue.call_values import calls_of
from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.plain_calls import end_of_call
from nightcrew.untrusted import Unreadable, parse_python

_CALL = re.compile(
    r"\b[A-Za-z_]\w{0,60}(?=\(\s*+(?:(?:name|tool|tool_name|function)\s*+=\s*+)?[\"'][\w.:/-]{1,120}[\"']\s*+[,)])"
)
_MOST_CALLS = 20


def wrapped_calls(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text` whose first argument is a tool's name."""
    at = 0
    for call in islice(_CALL.finditer(text), _MOST_CALLS):
        if call.start() < at:
            continue
        end = end_of_call(text, call.end())
        for tool, arguments in islice(calls_of(_meant(f"f{text[call.end() : end]}"), offered), 1):
            yield Found(tool, tool.typed(arguments), call.start(), end)
            at = end


# ----------------------------------------------------------------------------------------------------


def _meant(call: str) -> dict[str, Any] | None:
    """The call as an object with the tool's name."""
    try:
        match parse_python(call).body:
            case [ast.Expr(value=ast.Call(args=given, keywords=words))]:
                positional = [ast.literal_eval(value) for value in given]
                named = {word.arg: ast.literal_eval(word.value) for word in words if word.arg}
            case _:
                return None
    except (Unreadable, ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    made: dict[str, Any] = dict(zip(("name", "arguments"), positional, strict=False))
    return made | named if len(positional) <= 2 else None
