"""Calls in markup: a tag names an offered tool, and its body has the arguments.

<function=terminal><parameter=command>ls</parameter></function>
<invoke name="terminal"><parameter name="command">ls</parameter></invoke>
<tool_call>terminal<arg_key>command</arg_key><arg_value>ls</arg_value></tool_call>
<terminal><command>ls</command></terminal>
"""

import re
from collections.abc import Iterator
from html import unescape
from itertools import islice
from typing import Any

from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.json_text import read_object
from nightcrew.openrouter.rescue.offered import Offered, Tool

_TAG = r"[\w:.-]{1,60}"
_OPENING = re.compile(
    rf"<({_TAG})(?:\s*+=\s*+|\s++(?:name|tool|function)\s*+=\s*+)[\"']?([\w.:/-]{{1,120}})[\"']?\s*+>"
    rf"|<({_TAG})>(?:\s*+<(?:tool_name|name|function_name)>)?\s*+([\w.:/-]{{1,120}})?"
)
_PARAMETER = re.compile(
    r"<(parameter|param|arg|argument)(?:\s*+=\s*+|\s++(?:name|key)\s*+=\s*+)[\"']?([\w.-]{1,100})[\"']?[^<>]{0,100}>"
)
_KEY = re.compile(r"<(arg_key|key)>\s*+([\w.-]{1,100})\s*+</\1>\s*+<(arg_value|value)>")
_ELEMENT = re.compile(r"<([\w.-]{1,100})>")
_ATTRIBUTES = re.compile(rf"<({_TAG})((?:\s++[\w.-]{{1,100}}\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'))++)\s*+/>")
_ATTRIBUTE = re.compile(r"([\w.-]{1,100})\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")
_MOST_TAGS = 200  # of calls, and of a call's parameters


def empty_tags(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text` that are one tag each, with the arguments as its attributes."""
    for tag in islice(_ATTRIBUTES.finditer(text), _MOST_TAGS):
        given = {each[1]: unescape(each[2] or each[3] or "") for each in _ATTRIBUTE.finditer(tag[2])}
        named = next((given.pop(key) for key in ("name", "tool", "function") if key in given), tag[1])
        tool = offered.named(named)
        if tool is not None and tool.takes(given):
            yield Found(tool, tool.typed(given), tag.start(), tag.end())


def tagged_calls(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text`, from the first to the last."""
    at = tags = 0
    while (opening := _OPENING.search(text, at)) and tags < _MOST_TAGS:
        tool, inside = _tool(opening, offered)
        at = opening.start() + 1
        if tool is None:
            continue
        tags += 1
        end, after = _body(text, inside, opening[1] or opening[3])
        arguments = _arguments(text[inside:end], tool)
        if arguments is not None and tool.takes(arguments):
            yield Found(tool, tool.typed(arguments), opening.start(), after)
            at = after


# ----------------------------------------------------------------------------------------------------


def _tool(opening: re.Match[str], offered: Offered) -> tuple[Tool | None, int]:
    """The tool that a tag names, and where its body starts."""
    if opening[1]:
        return offered.named(opening[2]), opening.end()
    if opening[4] and (tool := offered.named(opening[4])):
        return tool, opening.end()
    return offered.named(opening[3]), opening.end(3) + 1


def _body(text: str, inside: int, tag: str) -> tuple[int, int]:
    """The end of the body, and of its closing tag: the last one before the next call, if there is one."""
    following = re.compile(rf"<{re.escape(tag)}[\s=>]").search(text, inside)
    limit = following.start() if following else len(text)
    close = f"</{tag}>"
    end = text.rfind(close, inside, limit)
    return (end, end + len(close)) if end >= 0 else (limit, limit)


def _arguments(body: str, tool: Tool) -> dict[str, Any] | None:
    for opening, name, close in ((_PARAMETER, 2, 1), (_KEY, 2, 3)):
        if arguments := _values(body, opening, name, close, tool):
            return arguments
    if arguments := _by_elements(body, tool):
        return arguments
    stripped = body.strip()
    if stripped.startswith("{"):
        return read_object(stripped)
    return {} if not stripped and not tool.required else None


def _values(body: str, opening: re.Pattern[str], name: int, close: int, tool: Tool) -> dict[str, Any]:
    """The text of each parameter, up to the last closing tag before the next one."""
    found = [each for each in opening.finditer(body) if tool.open or each[name] in tool.parameters]
    found = found[:_MOST_TAGS]
    following_ones: list[re.Match[str] | None] = [*found[1:], None]
    arguments: dict[str, Any] = {}
    for each, following in zip(found, following_ones, strict=False):
        limit = following.start() if following else len(body)
        end = body.rfind(f"</{each[close]}>", each.end(), limit)
        if end < 0 and following is None:
            return {}  # the value may go on
        arguments.setdefault(each[name], _unindented(body[each.end() : end if end >= 0 else limit]))
    return arguments


def _by_elements(body: str, tool: Tool) -> dict[str, Any]:
    """Each parameter as an element of its own name; elements inside a value are part of it."""
    arguments: dict[str, Any] = {}
    at = 0
    while (element := _ELEMENT.search(body, at)) and len(arguments) < _MOST_TAGS:
        at = element.end()
        if element[1] not in tool.parameters or element[1] in arguments:
            continue
        close = f"</{element[1]}>"
        end = body.find(close, at)
        if end >= 0:
            arguments[element[1]] = _unindented(body[at:end])
            at = end + len(close)
    return arguments


def _unindented(value: str) -> str:
    """A value without the line breaks that set it apart from its tags."""
    inner = value.removeprefix("\n")
    return inner.removesuffix("\n") if inner != value else value
