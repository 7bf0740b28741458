"""Calls as settings of TOML, as options of a command, in Lisp, and as a step of reasoning and acting.

[terminal]                          terminal --command "ls"
command = "ls"                      (terminal :command "ls")
                                    Action: terminal[ls]
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from nightcrew.openrouter.rescue.call_values import calls_of
from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.json_text import read_object
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.untrusted import Unreadable, read_toml

_FENCED = re.compile(
    r"^[ \t]{0,3}```toml[ \t]*+\n(.*?)\n[ \t]{0,3}```", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_TABLE = r"\[\[?[\w.-]{1,120}\]\]?[ \t]*+"
_SETTINGS = re.compile(
    rf"^{_TABLE}(?:\n(?:{_TABLE}$|[\w.-]{{1,120}}[ \t]*+=[^\n]++|(?=\n[\w\[])))++", re.MULTILINE
)
_VALUE = r"(\"(?:[^\"\\\n]|\\.)*+\"|'[^'\n]*+'|[^\s\"'()]++)"
_OPTION = re.compile(
    r"[ \t]{1,9}(?:(?:--?|:)([A-Za-z][\w-]{0,60})(?:[ \t]{0,9}=[ \t]{0,9}|[ \t]{1,9})"
    rf"|([A-Za-z]\w{{0,60}}):[ \t]{{0,9}}){_VALUE}"
)
_STEP = re.compile(r"^[ \t]{0,9}Action[ \t]*+:[ \t]*+([\w.-]{1,120})\[([^\n]++)$", re.MULTILINE)
_COMMAND = re.compile(r"^[ \t]{0,9}[/!(]?([A-Za-z_][\w.-]{0,119})(?=[ \t])", re.MULTILINE)
_END = re.compile(r"[ \t]{0,9}\)?[ \t]{0,9}$", re.MULTILINE)
_MOST_TRIES, _MOST_LINES = 60, 2_000


def settings_calls(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text` that are tables of TOML, in a fence or on lines of their own."""
    fences = list(islice(_FENCED.finditer(text), _MOST_TRIES))
    tables = [] if fences else list(islice(_SETTINGS.finditer(text), _MOST_TRIES))
    for each in (*fences, *tables):
        try:
            value = read_toml(each[1] if fences else each[0])
        except Unreadable:
            continue
        for tool, arguments in calls_of(value, offered):
            yield Found(tool, tool.typed(arguments), each.start(), each.end())


def option_calls(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text` that are a line of a tool's name and options."""
    for command in islice(_COMMAND.finditer(text), _MOST_LINES):
        tool = offered.by_letters(command[1])
        given: dict[str, Any] = {}
        at = command.end()
        while tool is not None and len(given) < _MOST_TRIES and (each := _OPTION.match(text, at)):
            given[each[1] or each[2]] = _plain(each[3])
            at = each.end()
        if tool is not None and given and tool.takes(given) and (end := _END.match(text, at)):
            yield Found(tool, tool.typed(given), command.start(1), end.end())
    for step in islice(_STEP.finditer(text), _MOST_TRIES):
        tool, value = offered.by_letters(step[1]), step[2].rstrip()
        if tool is not None and len(tool.required) == 1 and value.endswith("]"):
            yield Found(tool, tool.typed({next(iter(tool.required)): value[:-1]}), step.start(1), step.end())


# ----------------------------------------------------------------------------------------------------


def _plain(value: str) -> str:
    if value.startswith('"'):
        return str((read_object(f'{{"value": {value}}}') or {}).get("value", value))
    return value.removeprefix("'").removesuffix("'")
