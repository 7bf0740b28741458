"""Turns an answer in a wrong form into the answer that it is meant to be, where that is certain.

A well-formed answer is returned as it is, the same object. The input is untrusted: texts and numbers of calls
are bounded, and every step takes time proportional to the text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightcrew.execution.attempt import Rescue
from nightcrew.openrouter.rescue.kinds import RescueKind
from nightcrew.openrouter.rescue.message import (
    Message,
    calls_from_text,
    joined_parts,
    known_names,
    listed_calls,
    read_arguments,
    unique_ids,
    without_thinking,
)
from nightcrew.openrouter.rescue.offered import Offered

_REPAIRS = (
    joined_parts,
    without_thinking,
    listed_calls,
    calls_from_text,
    known_names,
    read_arguments,
    unique_ids,
)
_CUT = "length"
_KEPT = {_CUT, "error", "content_filter"}
_OTHER_WORDS = {  # of other interfaces, for what happened to the answer
    "max_tokens": _CUT,
    "max_length": _CUT,
    "model_length": _CUT,
    "safety": "content_filter",
    "refusal": "content_filter",
    "content-filter": "content_filter",
}


@dataclass(frozen=True, slots=True)
class Rescued:
    """An answer's body, repaired or as it was, and what was tried; `hint` tells the model what was wrong."""

    body: Mapping[str, Any]
    rescues: tuple[Rescue, ...] = ()
    hint: str = ""


def rescued(body: Mapping[str, Any], offered: Offered) -> Rescued:
    """The answer with its first choice repaired."""
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choices, list) or not isinstance(choice, Mapping) or not isinstance(message, dict):
        return Rescued(body)
    finish = choice.get("finish_reason")
    known = _OTHER_WORDS.get(finish.lower(), finish) if isinstance(finish, str) else finish
    made, tried = _repaired(message, offered, cut=known == _CUT)
    ended = _finish(known, made)
    if ended != finish:
        tried = (*tried, Rescue(RescueKind.FINISH_REASON, True))
    if not any(rescue.worked for rescue in tried):
        return Rescued(body, tried, _hint(tried, offered))
    choice = {**choice, "message": made, "finish_reason": ended}
    return Rescued({**body, "choices": [choice, *choices[1:]]}, tried, _hint(tried, offered))


# ----------------------------------------------------------------------------------------------------


def _repaired(message: Message, offered: Offered, *, cut: bool) -> tuple[Message, tuple[Rescue, ...]]:
    tried: tuple[Rescue, ...] = ()
    for repair in _REPAIRS:
        message, rescues = repair(message, offered, cut)
        tried += rescues
    if Rescue(RescueKind.TEXT_CALL, True) in tried:  # its new ids are no rescue of their own
        tried = tuple(rescue for rescue in tried if rescue.kind is not RescueKind.CALL_ID)
    return message, tried


def _finish(given: object, message: Message) -> object:
    """The finish reason of a message, if the given one is missing or contradicts it."""
    if isinstance(given, str) and given in _KEPT:
        return given
    return "tool_calls" if message.get("tool_calls") else "stop"


def _hint(tried: tuple[Rescue, ...], offered: Offered) -> str:
    if Rescue(RescueKind.TEXT_CALL, False) not in tried:
        return ""
    names = ", ".join(list(offered.tools)[:20])
    return (
        "Your last message was not a tool call: it has one written as text, which could not be read. Call a "
        f"tool by a tool call of its own, with its arguments as a JSON object. The tools are: {names}."
    )
