"""Faults of a provider: which one applies to a call, and its wire format.

There are three groups: refusals (an HTTP error instead of a completion), spoilt answers (a useless
completion), and broken transport (simulated by the server: drops, slow answers, errors in mid-stream).
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from nightcrew.testing.answer import Answer, ToolCall
from nightcrew.testing.fault_forms import FORMS
from nightcrew.testing.forms import AnswerForm
from nightcrew.testing.scenario import Character, Fault, FaultKind, ScriptedModel
from nightcrew.testing.wire import TWIN, Reply, arguments_of, error_body, provider_name

FLAKY_RATE = 0.3
SLOW_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class CallNumber:
    """A call's turn in the conversation, and its number for the model and the account."""

    conversation: int
    model: int
    account: int
    key: str
    """The conversation."""


class FaultBook:
    """The scenario's faults and how often each has occurred; not thread-safe, its user holds a lock."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self.faults = list(faults)
        self._seed = seed
        self._strikes: Counter[tuple[int, str]] = Counter()

    def strike(self, model: ScriptedModel, call: CallNumber, elapsed_seconds: float) -> Fault | None:
        """The first fault that applies to this call, if any."""
        for number, fault in enumerate([*self.faults, *_of_character(model)]):
            if self._strikes_now(number, fault, model, call, elapsed_seconds):
                return fault
        return None

    def _strikes_now(
        self, number: int, fault: Fault, model: ScriptedModel, call: CallNumber, elapsed: float
    ) -> bool:
        at = {"conversation": call.conversation, "model": call.model, "account": call.account}[fault.per]
        where = {"conversation": call.key, "model": model.id, "account": ""}[fault.per]
        if not (
            any(fnmatchcase(model.id, pattern) for pattern in fault.models)
            and at >= fault.from_call
            and (not fault.at_call or at in fault.at_call)
            and elapsed >= fault.after_seconds
            and (fault.before_seconds is None or elapsed < fault.before_seconds)
            and (fault.times is None or self._strikes[number, where] < fault.times)
            and random.Random(f"{self._seed}|{number}|{model.id}|{call.model}").random() < fault.probability
        ):
            return False
        self._strikes[number, where] += 1
        return True


def refusal(fault: Fault, model: ScriptedModel) -> Reply | None:
    """The HTTP answer of a refusal, else None. The account creates its own 429."""
    if fault.kind is FaultKind.HTML_BODY:
        page = f"<!DOCTYPE html><html><head><title>502</title></head><body>Bad gateway: {TWIN}</body></html>"
        return Reply(fault.status or 502, page, {"Content-Type": "text/html; charset=UTF-8"})
    form = FORMS.get(fault.kind)
    if form is None:
        return None
    status, message, metadata = form
    code = fault.code if fault.code is not None else _code(fault, status)
    body = error_body(code, fault.message or _fill(message, model), _filled(metadata, model))
    headers = {} if fault.retry_after_seconds is None else {"Retry-After": f"{fault.retry_after_seconds:g}"}
    return Reply(fault.status or status, body, headers)


def stream_fault(fault: Fault, model: ScriptedModel) -> dict[str, Any]:
    """The `error` object of an interrupted completion."""
    code = fault.code if fault.code is not None else 502
    metadata = {"provider_name": provider_name(model), "error_type": "provider_unavailable"}
    error = error_body(code, fault.message or "Provider disconnected unexpectedly", metadata)["error"]
    return dict(error)


def spoilt(fault: Fault, original: Answer, seed: str = "") -> Answer:
    """The answer after a fault on the model's side; a form that is not named is drawn from `seed`."""
    if fault.kind is FaultKind.FORM:
        forms = [form for form in AnswerForm if form is not AnswerForm.UNREADABLE]
        return replace(original, form=fault.form or random.Random(seed).choice(forms))
    spoil = _SPOIL.get(fault.kind)
    return spoil(original) if spoil else original


# --------------------------------------------------------------------------------------------------------


def _of_character(model: ScriptedModel) -> list[Fault]:
    match model.character:
        case Character.OUT_OF_QUOTA:
            return [Fault(kind=FaultKind.RATE_LIMIT_DAY)]
        case Character.SLOW if not model.latency_seconds:
            return [Fault(kind=FaultKind.LATENCY, seconds=SLOW_SECONDS)]
        case Character.FLAKY:
            forms = (FaultKind.RATE_LIMIT_UPSTREAM, FaultKind.BAD_GATEWAY, FaultKind.ERROR_IN_200)
            return [Fault(kind=kind, probability=FLAKY_RATE / len(forms)) for kind in forms]
        case _:
            return []


def _code(fault: Fault, status: int) -> int:
    if fault.kind is FaultKind.ERROR_IN_200:
        return 502
    return fault.status or status


def _filled(metadata: Mapping[str, Any], model: ScriptedModel) -> dict[str, Any]:
    return {key: _fill(value, model) if isinstance(value, str) else value for key, value in metadata.items()}


def _fill(text: str, model: ScriptedModel) -> str:
    known = {"model": model.id, "slug": model.id.split(":")[0], "provider": provider_name(model)}
    return text.format(**known, context=model.context_length)


def _malformed(original: Answer) -> Answer:
    broken = tuple(replace(call, raw=arguments_of(call)[:-2] + ',,"') for call in original.calls[:1])
    return replace(
        original, calls=broken or (ToolCall("terminal", raw='{"command": "ls'),), finish="tool_calls"
    )


def _without_arguments(original: Answer) -> Answer:
    return replace(original, calls=(ToolCall("file_editor", {"command": "view"}),), finish="tool_calls")


def _unknown(original: Answer) -> Answer:
    return replace(original, calls=(ToolCall("execute_everything", {"now": True}),), finish="tool_calls")


def _truncated(original: Answer) -> Answer:
    calls = tuple(
        replace(call, raw=arguments_of(call)[: len(arguments_of(call)) // 2]) for call in original.calls
    )
    return Answer(text=original.text[: len(original.text) // 2], calls=calls, finish="length")


_SPOIL: Mapping[FaultKind, Callable[[Answer], Answer]] = {
    FaultKind.EMPTY: lambda original: Answer(finish="stop"),
    FaultKind.FINISH_ERROR: lambda original: Answer(finish="error"),
    FaultKind.TRUNCATED: _truncated,
    FaultKind.REFUSAL: lambda original: Answer(
        text="I can't help with that request.", finish="content_filter"
    ),
    FaultKind.PROSE: lambda original: Answer(text="I would now run the tests and finish.", finish="stop"),
    FaultKind.MALFORMED_TOOL_CALL: _malformed,
    FaultKind.UNKNOWN_TOOL: _unknown,
    FaultKind.MISSING_ARGUMENT: _without_arguments,
}
