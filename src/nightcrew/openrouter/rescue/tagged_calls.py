"""Calls in markup: a tag names an offered tool, and its body has the arguments.

<function=terminal><parameter=command>ls</parameter></function>
<invoke name="terminal"><parameter name="command">ls</parameter></invoke>
<tool_call>terminal<arg_key>command</arg_key><arg_value>ls</arg_value></tool_call>
<tool_call><name>terminal</name><arguments>{"command": "ls"}</arguments></tool_call>
<terminal><command>ls</command></terminal>
"""

import re
from collections.abc import Iterator
from html import unescape
from itertools import islice
from typing import Any

from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.json_text import read_object
from nightcrew.openrouter.rescue.offered import WRAPPERS, Offered, Tool

_TAG = r"[\w:.-]{1,60}"
_NAME = r"name|tool|function|tool_name|function_name|action|recipient_name"
_GIVEN = r"[\w.-]{1,100}\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'<>/]++)"
_ATTRIBUTE = re.compile(r"([\w.-]{1,100})\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'<>/]++))")
_OPENING = re.compile(
    rf"<({_TAG})\s*+=\s*+[\"']?([\w.:/-]{{1,120}})[\"']?\s*+>"
    rf"|<({_TAG})((?:\s++{_GIVEN}){{1,20}}+)\s*+>"
    rf"|<({_TAG})>(?:\s*+<(?:{_NAME})>)?\s*+([\w.:/-]{{1,120}})?",
    re.IGNORECASE,
)
_PARAMETER = re.compile(
    r"<(parameter|param|arg|argument)(?:\s*+=\s*+|\s++(?:name|key)\s*+=\s*+)[\"']?([\w.-]{1,100})[\"']?[^<>]{0,100}>",
    re.IGNORECASE,
)
_VALUED = re.compile(
    r"\s*+<(?:parameter|param|arg|argument)\s{1,20}(?:name|key)\s{0,20}=\s{0,20}[\"']([\w.-]{1,100})[\"']"
    r"\s{1,20}value\s{0,20}=\s{0,20}(?:\"([^\"]*+)\"|'([^']*+)')\s{0,20}/?>\s*+",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"<((?:\w{1,30}_)?(?:arg_)?key|name)>\s*+([\w.-]{1,100})\s*+</\1>\s*+<((?:\w{1,30}_)?(?:arg_)?value)>"
)
_ELEMENT = re.compile(r"<([\w.-]{1,100})>")
_END_OF_NAME = re.compile(rf"\s*+</(?:{_NAME})>", re.IGNORECASE)
_ARGUMENTS_TAG = r"<(arguments|args|parameters|params|inputs?|kwargs|action_input|tool_input|tool_args)>"
_ARGUMENTS = re.compile(rf"\s*+{_ARGUMENTS_TAG}(.*)</\1>\s*+", re.DOTALL | re.IGNORECASE)
_BESIDE = re.compile(rf"\s*+</(?:{_NAME})>\s*+{_ARGUMENTS_TAG}", re.IGNORECASE)
_OUTER = re.compile(
    rf"<({_TAG})(?:\s[^<>]{{0,100}})?>(?:\s*+<({_TAG})>[^<>]{{0,100}}</\2>){{0,3}}\s*+$", re.IGNORECASE
)
_LITERAL = re.compile(r"\s*<!\[CDATA\[(.*)\]\]>\s*", re.DOTALL)
_EMPTY = re.compile(rf"<({_TAG})((?:\s++[\w.-]{{1,100}}\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'))++)\s*+/?>")
_MOST_TAGS = 200  # of calls, and of a call's parameters


def empty_tags(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text` that are one tag each, with the arguments as its attributes."""
    for tag in islice(_EMPTY.finditer(text), _MOST_TAGS):
        given = _attributes(tag[2])
        named = next((given.pop(key) for key in ("name", "tool", "function") if key in given), tag[1])
        tool = offered.named(named)
        boxed = next((given[key] for key in given if key in WRAPPERS), "{") if len(given) == 1 else ""
        arguments = read_object(boxed) if boxed.startswith("{") and len(boxed) > 1 else given
        if tool is not None and arguments and tool.takes(arguments):
            close = f"</{tag[1]}>"
            end = tag.end() + (len(close) if text.startswith(close, tag.end()) else 0)
            yield Found(tool, tool.typed(arguments), tag.start(), end)


def tagged_calls(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text`, from the first to the last."""
    at = tags = 0
    while (opening := _OPENING.search(text, at)) and tags < _MOST_TAGS:
        tool, inside = _tool(opening, offered)
        # Go on inside a tag that names no tool: the call may be wrapped in it.
        at = opening.start() + 1
        if tool is None:
            continue
        tags += 1
        end, after = _body(text, inside, opening[1] or opening[3] or opening[5])
        arguments = _arguments(text[inside:end], tool, closed=after > end)
        start = opening.start()
        if arguments is None and (beside := _BESIDE.match(text, inside)):
            end = text.find(close := f"</{beside[1]}>", beside.end()) + len(close)
            arguments = _arguments(text[inside:end], tool, closed=True)
            start, after = _outer(text, start, max(end, inside))
        if arguments is not None and tool.takes(arguments):
            yield Found(tool, tool.typed(arguments), start, after)
            at = after


# ----------------------------------------------------------------------------------------------------


def _tool(opening: re.Match[str], offered: Offered) -> tuple[Tool | None, int]:
    """The tool that a tag names, and where its body starts."""
    if opening[1]:
        return offered.named(opening[2]), opening.end()
    if opening[3]:
        given = _attributes(opening[4])
        named = next((given[key] for key in _NAME.split("|") if key in given), None)
        return offered.named(named), opening.end()
    if opening[6] and (tool := offered.named(opening[6])):
        return tool, opening.end()
    return offered.named(opening[5]), opening.end(5) + 1


def _attributes(text: str) -> dict[str, str]:
    return {each[1]: unescape(each[2] or each[3] or each[4] or "") for each in _ATTRIBUTE.finditer(text)}


def _body(text: str, inside: int, tag: str) -> tuple[int, int]:
    """The end of the body, and of its closing tag: the last one before the next call, if there is one."""
    following = re.compile(rf"<{re.escape(tag)}[\s=>]").search(text, inside)
    # An argument may hold the closing tag as text (HTML, these very notations), so that the last one counts.
    limit = following.start() if following else len(text)
    close = f"</{tag}>"
    end = text.rfind(close, inside, limit)
    return (end, end + len(close)) if end >= 0 else (limit, limit)


def _outer(text: str, start: int, end: int) -> tuple[int, int]:
    """The element around a name and its arguments, whose first children may say other things."""
    outer = _OUTER.search(text, max(0, start - 500), start)
    close = f"</{outer[1]}>" if outer else ""
    after = text.find(close, end) if outer and not text[end:].partition(close)[0].strip() else -1
    return (outer.start(), after + len(close)) if outer and after >= 0 else (start, end)


def _arguments(body: str, tool: Tool, *, closed: bool) -> dict[str, Any] | None:
    if valued := _as_values(body):
        return valued
    for opening, name, close in ((_PARAMETER, 2, 1), (_KEY, 2, 3)):
        if arguments := _values(body, opening, name, close, tool, closed=closed):
            return arguments
    if arguments := _by_elements(body, tool):
        return arguments
    if name_ends := _END_OF_NAME.match(body):
        body = body[name_ends.end() :]
    if wrapped := _ARGUMENTS.match(body):
        body = wrapped[2]
    stripped = body.strip()
    # Several notations frame plain JSON with tags.
    if stripped.startswith("{"):
        return read_object(stripped)
    if stripped.startswith("[") and stripped.endswith("]"):
        return read_object(stripped[1:-1])
    return {} if not stripped and not tool.required else None


def _as_values(body: str) -> dict[str, Any] | None:
    """The parameters of a body that has nothing but tags with a name and a value."""
    arguments: dict[str, Any] = {}
    at = 0
    while (each := _VALUED.match(body, at)) and len(arguments) < _MOST_TAGS:
        arguments[each[1]] = unescape(each[2] or each[3] or "")
        at = each.end()
    return arguments if at == len(body) else None


def _values(
    body: str, opening: re.Pattern[str], name: int, close: int, tool: Tool, *, closed: bool
) -> dict[str, Any]:
    """The text of each parameter, up to the last closing tag before the next one."""
    found = [each for each in opening.finditer(body) if tool.open or each[name] in tool.parameters]
    found = found[:_MOST_TAGS]
    following_ones: list[re.Match[str] | None] = [*found[1:], None]
    arguments: dict[str, Any] = {}
    for each, following in zip(found, following_ones, strict=False):
        limit = following.start() if following else len(body)
        end = body.rfind(f"</{each[close]}>", each.end(), limit)
        if end < 0 and following is None and not closed:
            return {}  # the value may go on
        arguments.setdefault(each[name], _content(body[each.end() : end if end >= 0 else limit]))
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
            arguments[element[1]] = _content(body[at:end])
            at = end + len(close)
    return arguments


def _content(value: str) -> str:
    """A value without the line breaks, or the CDATA marks, that set it apart from its tags."""
    if literal := _LITERAL.fullmatch(value):
        return literal[1]
    inner = value.removeprefix("\n")
    return inner.removesuffix("\n") if inner != value else value
