"""Finds the tool calls that a model wrote into its text, in whatever notation, and the text around them."""

import re
from dataclasses import replace
from html import unescape

from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.listed_calls import listed_calls
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.option_calls import option_calls, settings_calls
from nightcrew.openrouter.rescue.plain_calls import json_calls, named_calls
from nightcrew.openrouter.rescue.quoting import acted, quotations_in, without_quotations
from nightcrew.openrouter.rescue.tagged_calls import empty_tags, tagged_calls
from nightcrew.openrouter.rescue.wrapped_calls import wrapped_calls
from nightcrew.untrusted import Unreadable, read_json

MOST_CHARACTERS = 200_000
_LAST_CHARACTERS = 4_000
_READERS = (
    tagged_calls,
    empty_tags,
    json_calls,
    named_calls,
    wrapped_calls,
    listed_calls,
    settings_calls,
    option_calls,
)
_SIGNS = re.compile(
    r"</?(?:[\w-]{1,20}:)?(?:tool_calls?|tool_use|function_calls?|tools?|invoke|function|parameter)\b[^<>\n]{0,100}>"
    r"|\[/?TOOL_CALLS?\]|<[|｜](?:tool|python_tag|call)[^<>\n]{0,60}>|\"(?:arguments|parameters|tool_input)\"\s*+:"
    r"|^Action(?: Input)?:|^(?:<\|tool_call>)?call:[\w.]{1,60}[:{(]",
    re.MULTILINE,
)
_ESCAPED = re.compile(r'[^"]*+(?<=\\)"')
_NAMESPACE = re.compile(r"<\s?(/?)\s?(?:[\w-]{1,20}:|[|｜]?[\w▁]{1,20}[|｜])(?=\w)")
_SEPARATOR = re.compile(r"\]<\]\w{1,20}\[>\[")  # before each tag of some models; in no other text
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")
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
        whole, quotations = len(plain.rstrip()), quotations_in(plain)
        for read in _READERS:
            calls = map(_opened, acted(plain, offered, read, quotations))
            found = [call for call in calls if not (cut and call.end >= whole)]
            if found:
                return found, _without(plain, found)
    return [], text


def looks_like_a_call(text: str, offered: Offered) -> bool:
    """True if the text has the marks of a call, or ends with one, although none can be read for certain."""
    if len(text) > MOST_CHARACTERS:
        return False
    plain = without_quotations(text)
    last = plain.rstrip(" \n.;!?")[-_LAST_CHARACTERS:]
    return _SIGNS.search(plain) is not None or any(
        call.end >= len(last) for read in _READERS for call in read(last, offered)
    )


# ----------------------------------------------------------------------------------------------------


def _plain(text: str) -> list[str]:
    """The text, as it was before somebody escaped it, and with plain marks for odd ones.

    The last one changes no letter inside a value that another reading finds, as it is tried last.
    """
    if isinstance(inner := _json_text(text), str):
        text = inner
    text = _SEPARATOR.sub("", text)
    if _ESCAPED.match(text):
        return [text.replace('\\"', '"')]
    usual = text
    for odd, plain in (("\\<", "<"), ("\\>", ">"), ("\\u003c", "<"), ("\\u003e", ">")):
        usual = usual.replace(odd, plain)
    usual = _INVISIBLE.sub("", _NAMESPACE.sub(r"<\1", usual))
    return list(dict.fromkeys((text, unescape(text), usual)))


def _json_text(text: str) -> object:
    """The text that a JSON string is, if the whole text is one."""
    stripped = text.strip()
    try:
        return read_json(stripped) if stripped[:1] == stripped[-1:] == '"' else None
    except Unreadable:
        return None


def _opened(call: Found) -> Found:
    """The call with the object that its one argument is the text of, if the tool takes that."""
    values = list(call.arguments.values())
    inner = _parsed(values[0]) if len(values) == 1 else None
    if not isinstance(inner, dict) or not call.tool.takes(inner):
        return call
    return replace(call, arguments=call.tool.typed(inner))


def _parsed(value: object) -> object:
    try:
        return read_json(value) if isinstance(value, str) and value.lstrip().startswith("{") else None
    except Unreadable:
        return None


def _without(text: str, found: list[Found]) -> str:
    rest, at = [], 0
    for call in found:
        rest.append(text[at : call.start])
        at = max(at, call.end)
    return _WRAPPERS.sub("", "".join([*rest, text[at:]])).strip(" \t\r\n`,;()[]")
