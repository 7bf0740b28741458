"""Calls as lines of keys and values, as in YAML: a line names the tool, and others its arguments.

name: terminal                      terminal:
arguments:                            command: ls
  command: ls
"""

import re
from collections.abc import Iterator

from nightcrew.openrouter.rescue.call_values import calls_of
from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.untrusted import Unreadable, read_yaml

_NAMED = re.compile(
    r"^([ \t]*+)(?:- )?(?:(?:tool|function)[_ ])?(?:name|tool|function|action|call)[ \t]*+:[ \t]*+"
    r"[\"'`]?([\w.:/-]{1,120})[\"'`]?[ \t]*+$",
    re.MULTILINE | re.IGNORECASE,
)
_START = re.compile(
    rf"{_NAMED.pattern}|^([ \t]*+)(?:- )?([\w.-]{{1,120}}):[ \t]*+$", re.MULTILINE | re.IGNORECASE
)
_BELONGS = re.compile(r"[ \t]*+$|[ \t]++\S|[\w-][\w -]{0,60}:(?: |$)|- ")
_MOST_NAMES, _MOST_LINES = 100, 2_000


def listed_calls(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text` whose lines are keys with values."""
    at = 0
    for _ in range(_MOST_NAMES):
        named = _START.search(text, at)
        if named is None:
            return
        at = named.end()
        if offered.by_letters(named[2] or named[4]) is None:
            continue
        end = _end_of_lines(text, named.end(), len(named[1] or named[3] or ""))
        try:
            documents = read_yaml(f"{text[named.start() : end]}\n")
        except Unreadable:
            continue
        found = [call for document in documents for call in calls_of(document, offered)]
        for tool, arguments in found[:1]:
            yield Found(tool, tool.typed(arguments), named.start(), end)
            at = end


# ----------------------------------------------------------------------------------------------------


def _end_of_lines(text: str, at: int, indent: int) -> int:
    """The end of the lines that belong to the call; the next line that names a tool does not."""
    for _ in range(_MOST_LINES):
        start = at + 1
        if start >= len(text):
            return len(text)
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end]
        another = _NAMED.match(text, start)
        if not _BELONGS.match(line[indent:]) or (another and len(another[1]) <= indent):
            return at
        at = end
    return at
