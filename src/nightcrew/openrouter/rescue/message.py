"""Repairs of a message's shape. Each returns the message, repaired or as it was, with what it did."""

import json
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from nightcrew.execution.attempt import Rescue
from nightcrew.openrouter.rescue.json_text import MOST_CHARACTERS, read_object
from nightcrew.openrouter.rescue.kinds import RescueKind
from nightcrew.openrouter.rescue.offered import Offered, Tool
from nightcrew.openrouter.rescue.text_calls import calls_in, looks_like_a_call
from nightcrew.openrouter.rescue.thinking import split_thinking
from nightcrew.untrusted import Unreadable, read_json

_LONGEST_ID = 256  # that a request may have
_THINKING_PARTS = {"thinking", "reasoning", "thought", "redacted_thinking"}
_WRAPPERS = ("arguments", "parameters", "input", "args", "kwargs")
MOST_CALLS = 64

type Message = dict[str, Any]


class Repaired(NamedTuple):
    """A message and the rescues tried on it; none if it is as it was."""

    message: Message
    rescues: tuple[Rescue, ...] = ()


def joined_parts(message: Message, offered: Offered, cut: bool) -> Repaired:
    """The content as one text; parts with thinking become reasoning."""
    content = message.get("content")
    if not isinstance(content, list):
        return Repaired(message)
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping):
            kind = str(part.get("type"))
            (thoughts if kind in _THINKING_PARTS else texts).append(_text(part.get("text") or part.get(kind)))
    made = {**message, "content": "".join(texts) or None}
    return Repaired(_with_reasoning(made, "\n".join(thoughts)), (Rescue(RescueKind.CONTENT_PARTS, True),))


def without_thinking(message: Message, offered: Offered, cut: bool) -> Repaired:
    """The content without the thinking at its start, which becomes reasoning."""
    content = message.get("content")
    if not isinstance(content, str):
        return Repaired(message)
    thought, rest = split_thinking(content)
    # Nothing was taken off, so that the same object goes on and no rescue is counted.
    if rest == content:
        return Repaired(message)
    made = _with_reasoning({**message, "content": rest or None}, thought)
    return Repaired(made, (Rescue(RescueKind.THINKING, True),))


def listed_calls(message: Message, offered: Offered, cut: bool) -> Repaired:
    """Calls of any shape as a list of function calls."""
    calls, legacy = message.get("tool_calls"), message.get("function_call")
    if not calls and isinstance(legacy, Mapping) and isinstance(legacy.get("name"), str):
        made = {key: value for key, value in message.items() if key != "function_call"}
        made["tool_calls"] = [{"type": "function", "function": dict(legacy)}]
        return Repaired(made, (Rescue(RescueKind.LEGACY_CALL, True),))
    if not calls or (isinstance(calls, list) and all(map(_is_call, calls)) and len(calls) <= MOST_CALLS):
        return Repaired(message)
    # Seen: the list as JSON text, one call without a list, and the function without its frame.
    entries = _parsed(calls) if isinstance(calls, str) else calls
    entries = [entries] if isinstance(entries, Mapping) else entries
    found = [_call(entry) for entry in entries[:MOST_CALLS]] if isinstance(entries, list) else []
    calls = [call for call in found if call is not None]
    return Repaired({**message, "tool_calls": calls}, (Rescue(RescueKind.CALL_LIST, bool(calls)),))


def calls_from_text(message: Message, offered: Offered, cut: bool) -> Repaired:
    """Calls that are written into the content."""
    content = message.get("content")
    # Beside a real call, a call in the text is talk about it; making both would act twice.
    if message.get("tool_calls") or not isinstance(content, str) or not offered:
        return Repaired(message)
    found, rest = calls_in(content, offered, cut=cut)
    if not found:
        # A call that cannot be read is worth one more question; prose is an answer.
        failed = looks_like_a_call(content, offered)
        return Repaired(message, (Rescue(RescueKind.TEXT_CALL, False),) if failed else ())
    calls = [
        _function(call.tool.name, json.dumps(call.arguments, ensure_ascii=False))
        for call in found[:MOST_CALLS]
    ]
    made = {**message, "content": rest or None, "tool_calls": calls}
    return Repaired(made, (Rescue(RescueKind.TEXT_CALL, True),))


def known_names(message: Message, offered: Offered, cut: bool) -> Repaired:
    """The calls with the names of offered tools."""
    calls, rescues = [], []
    for call in message.get("tool_calls") or ():
        name = call["function"].get("name")
        # A name that was not offered goes on as it is: the agent tells the model so in its own words.
        if offered and name not in offered.tools:
            tool = offered.named(name)
            rescues.append(Rescue(RescueKind.TOOL_NAME, tool is not None))
            call = {**call, "function": {**call["function"], "name": tool.name}} if tool else call
        calls.append(call)
    return Repaired({**message, "tool_calls": calls}, tuple(rescues)) if rescues else Repaired(message)


def read_arguments(message: Message, offered: Offered, cut: bool) -> Repaired:
    """The calls with their arguments as the text of a JSON object."""
    calls, rescues = [], []
    for call in message.get("tool_calls") or ():
        function = call["function"]
        given, tool = function.get("arguments"), offered.tools.get(str(function.get("name")))
        # Arguments that are an object already keep their text, byte for byte.
        if not _is_object(given) or (tool is not None and (_wrapped(given, tool) or _misfits(given, tool))):
            arguments = _arguments(given, tool, cut)
            rescues.append(Rescue(RescueKind.ARGUMENTS, arguments is not None))
            text = _text(given) if arguments is None else json.dumps(arguments, ensure_ascii=False)
            call = {**call, "function": {**function, "arguments": text}}
        calls.append(call)
    return Repaired({**message, "tool_calls": calls}, tuple(rescues)) if rescues else Repaired(message)


def unique_ids(message: Message, offered: Offered, cut: bool) -> Repaired:
    """The calls with an id for each."""
    calls, known, made = [], set(offered.used_ids), False
    for call in message.get("tool_calls") or ():
        given = call.get("id")
        # Two calls of one id would get one answer, and the provider refuses the next request.
        if not isinstance(given, str) or not given or len(given) > _LONGEST_ID or given in known:
            call, made = {**call, "id": f"call_{secrets.token_hex(12)}"}, True
        known.add(call["id"])
        calls.append(call)
    if not made:
        return Repaired(message)
    return Repaired({**message, "tool_calls": calls}, (Rescue(RescueKind.CALL_ID, True),))


# ----------------------------------------------------------------------------------------------------


def _is_call(call: object) -> bool:
    if not isinstance(call, Mapping) or call.get("type", "function") != "function":
        return False
    function = call.get("function")
    return isinstance(function, Mapping) and isinstance(function.get("name"), str)


def _call(entry: object) -> dict[str, Any] | None:
    """A call from an entry that is one, is only its function, or is JSON text."""
    if isinstance(entry, str):
        entry = _parsed(entry)
    if not isinstance(entry, Mapping):
        return None
    inner = next((entry[key] for key in ("function", "custom") if isinstance(entry.get(key), Mapping)), entry)
    name = inner.get("name") or entry.get("name") or entry.get("function")
    if not isinstance(name, str):
        return None
    given = next((inner[key] for key in _WRAPPERS if key in inner), "")
    return {**_function(name, given), **({"id": entry["id"]} if "id" in entry else {})}


def _function(name: str, arguments: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def _parsed(text: str) -> Any:
    try:
        return read_json(text) if len(text) <= MOST_CHARACTERS else None
    except Unreadable:
        return None


def _is_object(given: object) -> bool:
    return isinstance(given, str) and isinstance(_parsed(given), dict)


def _misfits(given: object, tool: Tool) -> bool:
    """True for an object whose values the schema takes only as other types, or without nulls."""
    found = _parsed(given) if isinstance(given, str) else None
    if not isinstance(found, dict) or not tool.required <= found.keys() <= tool.parameters.keys():
        return False
    return tool.typed(found) != found


def _wrapped(given: object, tool: Tool) -> dict[str, Any] | None:
    """The arguments that are wrapped in another object."""
    outer = _parsed(given) if isinstance(given, str) else given
    # A tool may take one parameter named `input` itself; then nothing is wrapped.
    if not isinstance(outer, dict) or len(outer) != 1 or tool.takes(outer):
        return None
    ((key, inner),) = outer.items()
    inner = read_object(inner) if isinstance(inner, str) and key in _WRAPPERS else inner
    return inner if key in _WRAPPERS and isinstance(inner, dict) and tool.takes(inner) else None


def _arguments(given: object, tool: Tool | None, cut: bool) -> dict[str, Any] | None:
    """The object that the arguments are meant to be; None if that is not certain, as for a cut text."""
    if isinstance(given, Mapping):
        arguments: dict[str, Any] | None = dict(given)
    elif given is None or (isinstance(given, str) and not given.strip()):
        arguments = None if cut else {}
    elif isinstance(given, str):
        # A cut text is completed by nobody. One that was encoded twice is whole if the inner text is.
        arguments = None if cut and not _is_object(_parsed(given)) else read_object(given)
    else:
        return None
    if arguments is None or tool is None:
        return arguments
    arguments = tool.typed(_wrapped(arguments, tool) or arguments)
    known = tool.open or all(name in tool.parameters for name in arguments)
    return arguments if known else None


def _with_reasoning(message: Message, thought: str) -> Message:
    known = message.get("reasoning") or message.get("reasoning_content")
    # The provider's own reasoning is more than what is left of it in the text.
    if not thought or known:
        return message
    return {**message, "reasoning_content": thought}


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, default=str)
