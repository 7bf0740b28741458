"""Calls in JSON, or as a tool's name before its arguments, anywhere in a text.

{"name": "terminal", "arguments": {"command": "ls"}}      also in a list, a fence, tags, or special tokens
[TOOL_CALLS]terminal{"command": "ls"}                     and with other marks between name and arguments
terminal(command="ls")                                    as a call in Python
"""

import re
from collections.abc import Iterator
from typing import Any

from nightcrew.openrouter.rescue.call_values import by_python, calls_of
from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.json_text import read_object, read_values
from nightcrew.openrouter.rescue.offered import Offered, Tool
from nightcrew.untrusted import Unreadable, read_json

_OPENING = re.compile(r"[{\[]")
_WORD = re.compile(r"[A-Za-z_][\w.:/-]{0,119}")
_GLUE = re.compile(
    r"(?:[\"'`]\s*+\}(?=\s*+\{)|<[|｜][\w▁:]{1,60}[|｜]>|\[CALL_ID\]\w{1,40}|\[[A-Z_]{1,20}\]|(?:json|code|commentary|action|input|arg(?:ument)?s|param(?:eter)?s)\b"
    r"|[^\w{}()\[\].,;!?]){0,20}\(?\s*+",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[*_`]{0,3}[^\n{}()\"',]{0,80}:[*_]{0,2}\s*+(?:```[\w-]{0,20}\s*+)?")
_MARK = re.compile(r"[|｜]>|<[|｜]|\[[A-Z]")
_MOST_TRIES = 60
_MOST_UNCLOSED = 3  # brackets
_MOST_FAILED = 20  # names in a row that no arguments follow


def json_calls(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text` that are JSON objects with a name and arguments."""
    at = tries = unclosed = 0
    while (opening := _OPENING.search(text, at)) and tries < _MOST_TRIES and unclosed < _MOST_UNCLOSED:
        end = _closing(text, opening.start())
        at = opening.start() + 1
        # Each unclosed bracket reads to the end of the text; a few of them keep this linear.
        tries, unclosed = tries + 1, unclosed + (end == len(text) and text[-1] not in "}]")
        part = text[opening.start() : end]
        found = [call for value in _values(part) for call in calls_of(value, offered)]
        for tool, arguments in found:
            yield Found(tool, tool.typed(arguments), opening.start(), end)
        # What is whole JSON has been looked through, also where its keys say that it reports calls.
        if found or _is_json(part):
            at = end


def named_calls(text: str, offered: Offered) -> Iterator[Found]:
    """The calls in `text` that are a tool's name, marks, and a JSON object; or a call in Python."""
    at = tries = 0
    known: dict[str, Tool | None] = {}
    while (word := _WORD.search(text, at)) and tries < _MOST_FAILED:
        at = word.end()
        if word[0] not in known:
            known[word[0]] = offered.by_letters(word[0])
        tool = known[word[0]]
        if tool is None:
            continue
        tries += 1
        found = _python(text, word.end(), tool) or _json_after(text, word.end(), tool)
        if found is not None:
            # Only failures in a row are counted: a text may make many calls.
            tries = 0
            arguments, at = found
            yield Found(tool, tool.typed(arguments), word.start(), at)


def end_of_call(text: str, at: int) -> int:
    """The end of a call in Python whose bracket opens at a place; the text's end if it does not close."""
    return _end_of_brackets(_PYTHON, text, at)


# ----------------------------------------------------------------------------------------------------


def _closing(text: str, at: int) -> int:
    """The end of the brackets that open at a place, quoted text left out; the text's end if they do not."""
    return _end_of_brackets(_BRACKET, text, at)


def _end_of_brackets(tokens: re.Pattern[str], text: str, at: int) -> int:
    depth, mark = 0, len(text)
    for token in tokens.finditer(text, at):
        if token[0] in "([{":
            depth += 1
        elif token[0] in ")]}":
            depth -= 1
            if depth == 0:
                return token.end()
        # A tag or fence after unclosed brackets ends what the model wrote; the text after it is no JSON.
        elif token[0][0] in "<`":
            mark = min(mark, token.start())
    return mark


_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[(\[{]|[)\]}]|</(?=\w)|<[|｜]|```', re.DOTALL)


def _values(part: str) -> list[Any]:
    if values := read_values(part):
        return values
    if part.startswith("["):
        inner = [read_object(each) for each in _objects(part)]
        return [value for value in inner if value]
    value = read_object(part)
    return [value] if value else []


def _is_json(part: str) -> bool:
    try:
        return isinstance(read_json(part), dict)
    except Unreadable:
        return False


def _objects(part: str) -> Iterator[str]:
    """The objects of a list."""
    at = 1
    for _ in range(_MOST_TRIES):
        start = part.find("{", at)
        if start < 0:
            return
        at = _closing(part, start)
        yield part[start:at]


def _json_after(text: str, at: int, tool: Tool) -> tuple[dict[str, Any], int] | None:
    """The JSON object after a tool's name and marks, if it is what the tool takes."""
    places = (found.end() for glue in (_GLUE, _SENTENCE) if (found := glue.match(text, at)))
    # Where other prose stands between name and object, the name was only mentioned.
    start = next((place for place in places if text.startswith("{", place)), None)
    if start is None:
        return None
    end = _closing(text, start)
    arguments = read_object(text[start:end])
    if arguments is None or not tool.takes(arguments):
        return None
    # Without arguments, only a mark between name and object tells a call from a name in prose.
    name = max(0, at - len(tool.name) - 2)
    if not arguments and start > at and not _MARK.search(text, name, start):
        return None
    return arguments, end + 1 if text.startswith(")", end) else end


def _python(text: str, at: int, tool: Tool) -> tuple[dict[str, Any], int] | None:
    """The arguments of a call in Python, with literals for values; positional ones in the schema's order."""
    if not text.startswith("(", at):
        return None
    end = end_of_call(text, at)
    inside = text[at + 1 : end - 1].strip()
    arguments = by_python(f"f{text[at:end]}", tool)
    if arguments is None and _KEYED.match(inside):  # as in TypeScript, or with the quotes of prose
        arguments = read_object(f"{{{inside}}}")
    return (arguments, end) if arguments is not None and tool.takes(arguments) else None


_KEYED = re.compile(r"[\"']?\w{1,100}[\"']?\s*+(?::|=\s*+“)")
_PYTHON = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*+(?:\'\'\')?'
    r'|"(?:[^"\\\n]|\\.)*+"?|\'(?:[^\'\\\n]|\\.)*+\'?|[(\[{]|[)\]}]',
    re.DOTALL,
)
