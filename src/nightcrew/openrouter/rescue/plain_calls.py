"""Calls in JSON, or as a tool's name before its arguments, anywhere in a text.

{"name": "terminal", "arguments": {"command": "ls"}}      also in a list, a fence, tags, or special tokens
[TOOL_CALLS]terminal{"command": "ls"}                     and with other marks between name and arguments
terminal(command="ls")                                    as a call in Python
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nightcrew.openrouter.rescue.found import Found
from nightcrew.openrouter.rescue.json_text import read_object, read_values
from nightcrew.openrouter.rescue.offered import WRAPPERS, Offered, Tool
from nightcrew.untrusted import Unreadable, parse_python

_NAME_KEYS = frozenset(
    ["name", "tool", "function", "toolname", "functionname", "action", "recipientname", "method", "toolcall"]
)
_ARGUMENT_KEYS = frozenset(
    f"{whose}{what}"
    for whose in ("", "tool", "function", "action")
    for what in ("arguments", "parameters", "args", "params", "input", "inputs", "kwargs", "payload")
)
_OPENING = re.compile(r"[{\[]")
_WORD = re.compile(r"[A-Za-z_][\w.:/-]{0,119}")
_GLUE = re.compile(
    r"(?:[\"'`]\s*+\}(?=\s*+\{)|<[|｜][\w▁:]{1,60}[|｜]>|\[CALL_ID\]\w{1,40}|\[[A-Z_]{1,20}\]|(?:json|commentary|action|input|arg(?:ument)?s|param(?:eter)?s)\b"
    r"|[^\w{}()\[\].,;!?]){0,20}\(?\s*+",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[*_`]{0,3}[^\n{}()\"',]{0,80}:[*_]{0,2}\s*+(?:```[\w-]{0,20}\s*+)?")
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
        if found:
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


def _objects(part: str) -> Iterator[str]:
    """The objects of a list."""
    at = 1
    for _ in range(_MOST_TRIES):
        start = part.find("{", at)
        if start < 0:
            return
        at = _closing(part, start)
        yield part[start:at]


def calls_of(value: Any, offered: Offered) -> Iterator[tuple[Tool, dict[str, Any]]]:
    """The calls that a JSON value is: one, a list of them, or an object that holds one or a list."""
    if isinstance(value, list):
        for item in value[:_MOST_TRIES]:
            yield from calls_of(read_object(item) if isinstance(item, str) and "{" in item else item, offered)
    elif isinstance(value, Mapping):
        if (call := _call(value, offered)) is not None:
            yield call
        # An object that names another tool is a call of that one, not a box around calls.
        elif not any(isinstance(value.get(key), str) for key in ("name", "tool", "function")):
            for item in list(value.values())[:_MOST_TRIES]:
                yield from calls_of(item, offered)


def _call(value: Mapping[str, Any], offered: Offered) -> tuple[Tool, dict[str, Any]] | None:
    named = {key: tool for key in value if _plain(key) in _NAME_KEYS if (tool := offered.named(value[key]))}
    # A key such as `name` may be an argument whose value happens to be a tool; only what the tool takes
    # counts.
    for key, tool in named.items():
        given = next((item for name, item in value.items() if _plain(name) in _ARGUMENT_KEYS), None)
        rest = {name: item for name, item in value.items() if name != key}
        own = {name: item for name, item in rest.items() if name in tool.parameters}
        inner = [item for item in rest.values() if isinstance(item, Mapping)]
        for option in (given, own, *inner) if given is None else (given,):
            arguments = _as_arguments(option, tool)
            if arguments is not None and tool.takes(arguments):
                return tool, arguments
    return None if named else _keyed(value, offered)


def _as_arguments(given: Any, tool: Tool) -> dict[str, Any] | None:
    """Arguments as an object: a text of it, a list of it or of names with values, or the only value."""
    if isinstance(given, str):
        found = read_object(given) if "{" in given else _keywords(given, tool)
        return {next(iter(tool.required)): given} if found is None and len(tool.required) == 1 else found
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], str):
        return _as_arguments(given[0], tool)
    if isinstance(given, list) and given and all(isinstance(item, Mapping) for item in given):
        pairs = [(item.get("name", item.get("key")), item.get("value")) for item in given]
        if all(isinstance(name, str) and name in tool.parameters for name, _ in pairs):
            return {str(name): value for name, value in pairs}
        return dict(given[0]) if len(given) == 1 else None
    return dict(given) if isinstance(given, Mapping) else None


def _keywords(given: str, tool: Tool) -> dict[str, Any] | None:
    """The arguments that a text gives as a call in Python would, between its brackets."""
    arguments = _by_python(f"f({given})", tool) if _ASSIGNED.match(given) else None
    return arguments if arguments is not None and tool.takes(arguments) else None


def _plain(key: object) -> str:
    return re.sub(r"[\s_-]+", "", str(key)).casefold()


def _keyed(value: Mapping[str, Any], offered: Offered) -> tuple[Tool, dict[str, Any]] | None:
    """A call as an object whose only key is the tool's name."""
    if len(value) != 1:
        return None
    ((name, arguments),) = value.items()
    tool = offered.by_letters(name)
    fits = tool is not None and isinstance(arguments, dict) and bool(arguments) and tool.takes(arguments)
    return (tool, arguments) if tool is not None and fits else None


def _json_after(text: str, at: int, tool: Tool) -> tuple[dict[str, Any], int] | None:
    """The JSON object after a tool's name and marks, if it is what the tool takes."""
    places = (found.end() for glue in (_GLUE, _SENTENCE) if (found := glue.match(text, at)))
    # Where other prose stands between name and object, the name was only mentioned.
    start = next((place for place in places if text.startswith("{", place)), None)
    if start is None:
        return None
    end = _closing(text, start)
    arguments = read_object(text[start:end])
    if not arguments or not tool.takes(arguments):
        return None
    return arguments, end + 1 if text.startswith(")", end) else end


def _python(text: str, at: int, tool: Tool) -> tuple[dict[str, Any], int] | None:
    """The arguments of a call in Python, with literals for values; positional ones in the schema's order."""
    if not text.startswith("(", at):
        return None
    end = end_of_call(text, at)
    inside = text[at + 1 : end - 1].strip()
    arguments = _by_python(f"f{text[at:end]}", tool)
    if arguments is None and _KEYED.match(inside):  # as in TypeScript, or with the quotes of prose
        arguments = read_object(f"{{{inside}}}")
    return (arguments, end) if arguments is not None and tool.takes(arguments) else None


def _by_python(call: str, tool: Tool) -> dict[str, Any] | None:
    try:
        module = parse_python(call)
    except Unreadable:
        return None
    match module.body:
        case [ast.Expr(value=ast.Call(args=positional, keywords=keywords))]:
            names = list(tool.parameters)
            if len(positional) == 1 and not keywords and isinstance(positional[0], ast.Dict):
                return None  # the arguments as an object, which are read as JSON
            # `finish()` in prose is how one writes about a function, so that an empty call is none.
            if len(positional) > len(names):
                return None
        case _:
            return None
    try:
        arguments = {name: ast.literal_eval(value) for name, value in zip(names, positional, strict=False)}
        for word in keywords:
            value = ast.literal_eval(word.value)
            name = word.arg
            boxed = name is None or (name in WRAPPERS and name not in tool.parameters)
            arguments |= dict(value) if boxed or name is None else {name: value}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return arguments


_ASSIGNED = re.compile(r"\s*+[A-Za-z_]\w{0,99}\s*+=\s*+[\"'\d\[{TFN]")
_KEYED = re.compile(r"[\"']?\w{1,100}[\"']?\s*+(?::|=\s*+“)")
_PYTHON = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*+(?:\'\'\')?'
    r'|"(?:[^"\\\n]|\\.)*+"?|\'(?:[^\'\\\n]|\\.)*+\'?|[(\[{]|[)\]}]',
    re.DOTALL,
)
