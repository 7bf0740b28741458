"""Finds the tool calls that a model wrote into its text, in whatever notation, and the text around them."""

import re
from html import unescape

from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.plain_calls import json_calls, named_calls
from nightcrew.openrouter.rescue.tagged_calls import empty_tags, tagged_calls

MOST_CHARACTERS = 200_000
_READERS = (tagged_calls, empty_tags, json_calls, named_calls)
_SIGNS = re.compile(
    r"</?(?:[\w-]{1,20}:)?(?:tool_calls?|tool_use|function_calls?|tools?|invoke|function|parameter)\b[^<>\n]{0,100}>"
    r"|\[/?TOOL_CALLS?\]|<[|｜](?:tool|python_tag|call)[^<>\n]{0,60}>|\"(?:arguments|parameters|tool_input)\"\s*+:"
    r"|^Action(?: Input)?:",
    re.MULTILINE,
)
_ESCAPED = re.compile(r'[^"]*+(?<=\\)"')
_WRAPPERS = re.compile(
    r"</?(?:[\w-]{1,20}:)?(?:tool_calls?|tool_use|function_calls?|tools?)\s*+>|\[/?TOOL_CALLS?\]"
    r"|<[|｜][\w▁]{1,60}[|｜]>|```[\w-]{0,20}[ \t]*+\n\s*+```|^[ \t]*+Action(?: Input)?:[ \t]*+$",
    re.MULTILINE,
)


def calls_in(text: str, offered: Offered, *, cut: bool) -> tuple[list[Found], str]:
    """The calls in `text` in order, and the text without them; the first notation that yields any counts.

    Of a text that was cut at the output limit, a call at the very end is left out.
    """
    if len(text) > MOST_CHARACTERS:
        return [], text
    for plain in _plain(text):
        whole = len(plain.rstrip())
        for read in _READERS:
            found = [call for call in read(plain, offered) if not (cut and call.end >= whole)]
            if found:
                return found, _without(plain, found)
    return [], text


def looks_like_a_call(text: str, offered: Offered) -> bool:
    """True if the text has the marks of a call, although none can be read."""
    return len(text) <= MOST_CHARACTERS and _SIGNS.search(text) is not None


# ----------------------------------------------------------------------------------------------------


def _plain(text: str) -> list[str]:
    """The text, and as it was before somebody escaped it."""
    if _ESCAPED.match(text):
        return [text.replace('\\"', '"')]
    return list(dict.fromkeys((text, unescape(text))))


def _without(text: str, found: list[Found]) -> str:
    rest, at = [], 0
    for call in found:
        rest.append(text[at : call.start])
        at = max(at, call.end)
    return _WRAPPERS.sub("", "".join([*rest, text[at:]])).strip(" \t\r\n`,;()[]")
