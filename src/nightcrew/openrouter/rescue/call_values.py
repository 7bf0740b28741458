"""Calls as JSON values: an object with a name and arguments, a list of them, or an object that holds them."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nightcrew.openrouter.rescue.json_text import read_object
from nightcrew.openrouter.rescue.offered import WRAPPERS, Offered, Tool
from nightcrew.untrusted import Unreadable, parse_python

_NAME_KEYS = frozenset({f"{whose}name" for whose in ("", "tool", "function", "recipient")}) | {
    *("tool", "function", "func", "api", "action", "method", "toolcall")
}
_ARGUMENT_KEYS = frozenset(
    f"{whose}{what}"
    for whose in ("", "tool", "function", "action")
    for what in ("arguments", "parameters", "args", "params", "input", "inputs", "kwargs", "payload")
)
_BOX = re.compile(
    r"call|tool|function|action|command|invo|request|choices|message$|parts|params|content|answer|response|reply"
    r"|output|execute$|run|delta|next"
)
_NO_BOX = re.compile(r"made|done|past|prev|hist|fail|example|sample|expect|log|old|earlier|available|invalid")
_CALLS_BOX = frozenset(["tooluses", "toolcalls", "calls", "invocations", "functioncalls"])
_ASSIGNED = re.compile(r"\s*+[A-Za-z_]\w{0,99}\s*+=\s*+[\"'\d\[{TFN]")
_MOST_ITEMS = 60


def calls_of(value: Any, offered: Offered) -> Iterator[tuple[Tool, dict[str, Any]]]:
    """The calls that a JSON value is: one, a list of them, or an object that holds one or a list."""
    if isinstance(value, list):
        for item in value[:_MOST_ITEMS]:
            yield from calls_of(read_object(item) if isinstance(item, str) and "{" in item else item, offered)
    elif isinstance(value, Mapping):
        if (call := _call(value, offered)) is not None:
            yield call
        else:
            for item in _boxed(value)[:_MOST_ITEMS]:
                yield from calls_of(item, offered)


def by_python(call: str, tool: Tool) -> dict[str, Any] | None:
    """The arguments of a call in Python with literals for values; positional ones in the schema's order."""
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


# ----------------------------------------------------------------------------------------------------


def _boxed(value: Mapping[str, Any]) -> list[Any]:
    """What an object that is no call may hold calls in, by its keys."""
    if not any(isinstance(value.get(key), str) for key in ("name", "tool", "function")):
        keys = ((_plain(key), item) for key, item in value.items())
        return [item for key, item in keys if _BOX.search(key) and not _NO_BOX.search(key)]
    # An object that names another tool is a call of that one, unless it is one of several calls at once.
    given = next((item for key, item in value.items() if _plain(key) in _ARGUMENT_KEYS), None)
    several = given.items() if isinstance(given, Mapping) else ()
    return [item for key, item in several if _plain(key) in _CALLS_BOX]


def _call(value: Mapping[str, Any], offered: Offered) -> tuple[Tool, dict[str, Any]] | None:
    named = {
        key: tool for key in value if _plain(key) in _NAME_KEYS if (tool := offered.named(_name(value[key])))
    }
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


def _name(given: Any) -> Any:
    """The name that a key gives, which may be an object with nothing else."""
    return given["name"] if isinstance(given, Mapping) and list(given) == ["name"] else given


def _as_arguments(given: Any, tool: Tool) -> dict[str, Any] | None:
    """Arguments as an object: a text of it, a list of it or of names with values, or the only value."""
    if isinstance(given, str):
        found = read_object(given) if "{" in given else _keywords(given, tool)
        is_value = found is None and len(tool.required) == 1 and not given.lstrip().startswith('{"')
        return {next(iter(tool.required)): given} if is_value else found
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
    arguments = by_python(f"f({given})", tool) if _ASSIGNED.match(given) else None
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
