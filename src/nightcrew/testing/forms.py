"""Answers in a wrong form, as cheap models and their servers send them. A fault of the kind *form* names one.

Each function changes one message or its text, and nothing of what the model means.
"""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

type Message = dict[str, Any]


class AnswerForm(StrEnum):
    """The form of an answer."""

    HERMES = "hermes"  # calls as text, from here on
    QWEN_XML = "qwen_xml"
    MINIMAX = "minimax"
    MISTRAL = "mistral"
    MISTRAL_LIST = "mistral_list"
    GLM = "glm"
    KIMI = "kimi"
    DEEPSEEK = "deepseek"
    HARMONY = "harmony"
    REACT = "react"
    ELEMENTS = "elements"
    FENCED_JSON = "fenced_json"
    BARE_JSON = "bare_json"
    PYTHON = "python"
    TRAILING_COMMA = "trailing_comma"  # JSON, from here on
    SINGLE_QUOTES = "single_quotes"
    RAW_LINE_BREAKS = "raw_line_breaks"
    UNCLOSED = "unclosed"
    ENCODED_TWICE = "encoded_twice"
    ARGUMENTS_OBJECT = "arguments_object"
    NO_ARGUMENTS = "no_arguments"
    PREFIXED_NAME = "prefixed_name"  # names, from here on
    CAPITAL_NAME = "capital_name"
    HYPHENS_IN_NAME = "hyphens_in_name"
    NEAR_NAME = "near_name"
    LEGACY_CALL = "legacy_call"  # the message, from here on
    FLAT_CALL = "flat_call"
    NO_ID = "no_id"
    REPEATED_ID = "repeated_id"
    CONTENT_PARTS = "content_parts"
    THINKING = "thinking"
    REASONING_FIELD = "reasoning_field"
    NO_FINISH_REASON = "no_finish_reason"
    WRONG_FINISH_REASON = "wrong_finish_reason"
    UNREADABLE = "unreadable"  # cannot be repaired


def shaped(form: AnswerForm, message: Message, finish: str | None) -> tuple[Message, str | None]:
    """The message in this form, with its finish reason; a form of calls leaves a text as it is."""
    calls = message.get("tool_calls") or []
    if write := _TEXTS.get(form):
        if not calls:
            return message, finish
        written = "\n".join(write(call["function"]["name"], _arguments(call)) for call in calls)
        return {"role": "assistant", "content": f"I go on.\n\n{written}"}, "stop"
    if change := _FUNCTIONS.get(form):
        changed = [{**call, "function": change(dict(call["function"]))} for call in calls]
        return ({**message, "tool_calls": changed} if calls else message), finish
    return _MESSAGES[form](message, finish)


# --------------------------------------------------------------------------------------------------------


def _arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    try:
        value = json.loads(call["function"]["arguments"])
    except ValueError:
        value = {}
    return value if isinstance(value, dict) else {}


def _call(name: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)


def _elements(arguments: Mapping[str, Any], pattern: str) -> str:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in arguments.items()}
    return "\n".join(pattern.replace("KEY", key).replace("VALUE", value) for key, value in texts.items())


def _qwen_xml(name: str, arguments: Mapping[str, Any]) -> str:
    inside = _elements(arguments, "<parameter=KEY>\nVALUE\n</parameter>")
    return f"<function={name}>\n{inside}\n</function>"


def _minimax(name: str, arguments: Mapping[str, Any]) -> str:
    inside = _elements(arguments, '<parameter name="KEY">VALUE</parameter>')
    return f'<minimax:tool_call>\n<invoke name="{name}">\n{inside}\n</invoke>\n</minimax:tool_call>'


def _glm(name: str, arguments: Mapping[str, Any]) -> str:
    inside = _elements(arguments, "<arg_key>KEY</arg_key>\n<arg_value>VALUE</arg_value>")
    return f"<tool_call>{name}\n{inside}\n</tool_call>"


def _kimi(name: str, arguments: Mapping[str, Any]) -> str:
    begin, end = (
        "<|tool_calls_section_begin|><|tool_call_begin|>",
        "<|tool_call_end|><|tool_calls_section_end|>",
    )
    return f"{begin}functions.{name}:0<|tool_call_argument_begin|>{json.dumps(arguments)}{end}"


def _deepseek(name: str, arguments: Mapping[str, Any]) -> str:
    begin, end = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>", "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
    return f"{begin}function<｜tool▁sep｜>{name}\n```json\n{json.dumps(arguments)}\n```{end}"


def _harmony(name: str, arguments: Mapping[str, Any]) -> str:
    head = f"<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>"
    return f"{head}{json.dumps(arguments)}<|call|>"


def _python(name: str, arguments: Mapping[str, Any]) -> str:
    given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return f"```python\n{name}({given})\n```"


_TEXTS: Mapping[AnswerForm, Callable[[str, Mapping[str, Any]], str]] = {
    AnswerForm.HERMES: lambda name, given: f"<tool_call>\n{_call(name, given)}\n</tool_call>",
    AnswerForm.QWEN_XML: _qwen_xml,
    AnswerForm.MINIMAX: _minimax,
    AnswerForm.MISTRAL: lambda name, given: f"[TOOL_CALLS]{name}{json.dumps(given)}",
    AnswerForm.MISTRAL_LIST: lambda name, given: f"[TOOL_CALLS][{_call(name, given)}]",
    AnswerForm.GLM: _glm,
    AnswerForm.KIMI: _kimi,
    AnswerForm.DEEPSEEK: _deepseek,
    AnswerForm.HARMONY: _harmony,
    AnswerForm.REACT: lambda name, given: f"Action: {name}\nAction Input: {json.dumps(given)}",
    AnswerForm.ELEMENTS: lambda name, given: f"<{name}>\n{_elements(given, '<KEY>VALUE</KEY>')}\n</{name}>",
    AnswerForm.FENCED_JSON: lambda name, given: f"```json\n{_call(name, given)}\n```",
    AnswerForm.BARE_JSON: _call,
    AnswerForm.PYTHON: _python,
    AnswerForm.UNREADABLE: lambda name, given: f"<tool_call>\n{name} with what we discussed\n</tool_call>",
}


def _with(function: Message, **changes: Any) -> Message:
    return {**function, **changes}


_FUNCTIONS: Mapping[AnswerForm, Callable[[Message], Message]] = {
    AnswerForm.TRAILING_COMMA: lambda f: _with(f, arguments=f["arguments"].removesuffix("}") + ",}"),
    AnswerForm.SINGLE_QUOTES: lambda f: _with(f, arguments=repr(json.loads(f["arguments"]))),
    AnswerForm.RAW_LINE_BREAKS: lambda f: _with(
        f, arguments=f["arguments"].replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\\\")
    ),
    AnswerForm.UNCLOSED: lambda f: _with(f, arguments=f["arguments"].removesuffix("}")),
    AnswerForm.ENCODED_TWICE: lambda f: _with(f, arguments=json.dumps(f["arguments"])),
    AnswerForm.ARGUMENTS_OBJECT: lambda f: _with(f, arguments=json.loads(f["arguments"])),
    AnswerForm.NO_ARGUMENTS: lambda f: _with(f, arguments="" if f["arguments"] == "{}" else f["arguments"]),
    AnswerForm.PREFIXED_NAME: lambda f: _with(f, name=f"functions.{f['name']}"),
    AnswerForm.CAPITAL_NAME: lambda f: _with(f, name=f["name"].title()),
    AnswerForm.HYPHENS_IN_NAME: lambda f: _with(f, name=f["name"].replace("_", "-")),
    AnswerForm.NEAR_NAME: lambda f: _with(f, name=f["name"] + f["name"][-1]),
}


def _legacy(message: Message, finish: str | None) -> tuple[Message, str | None]:
    calls = message.get("tool_calls")
    if not calls:
        return message, finish
    return {"role": "assistant", "content": None, "function_call": calls[0]["function"]}, "function_call"


def _flat(message: Message, finish: str | None) -> tuple[Message, str | None]:
    calls = message.get("tool_calls") or []
    flat = [{"id": call["id"], **call["function"]} for call in calls]
    return ({**message, "tool_calls": flat} if calls else message), finish


def _without_ids(message: Message, finish: str | None) -> tuple[Message, str | None]:
    calls = [
        {key: item for key, item in call.items() if key != "id"} for call in message.get("tool_calls") or []
    ]
    return ({**message, "tool_calls": calls} if calls else message), finish


def _with_one_id(message: Message, finish: str | None) -> tuple[Message, str | None]:
    calls = [{**call, "id": "call_0"} for call in message.get("tool_calls") or []]
    return ({**message, "tool_calls": calls} if calls else message), finish


def _parts(message: Message, finish: str | None) -> tuple[Message, str | None]:
    parts = [{"type": "text", "text": message.get("content") or ""}]
    return {**message, "content": parts}, finish


_THOUGHT = (
    'I could call {"name": "finish", "arguments": {"message": "no"}}.\n'
    "### FILE draft.txt\n```\nonly a draft\n```\n"
)


def _thinking(message: Message, finish: str | None) -> tuple[Message, str | None]:
    return {**message, "content": f"<think>\n{_THOUGHT}</think>\n{message.get('content') or ''}"}, finish


def _reasoning(message: Message, finish: str | None) -> tuple[Message, str | None]:
    return {**message, "reasoning": _THOUGHT, "reasoning_content": _THOUGHT}, finish


_MESSAGES: Mapping[AnswerForm, Callable[[Message, str | None], tuple[Message, str | None]]] = {
    AnswerForm.LEGACY_CALL: _legacy,
    AnswerForm.FLAT_CALL: _flat,
    AnswerForm.NO_ID: _without_ids,
    AnswerForm.REPEATED_ID: _with_one_id,
    AnswerForm.CONTENT_PARTS: _parts,
    AnswerForm.THINKING: _thinking,
    AnswerForm.REASONING_FIELD: _reasoning,
    AnswerForm.NO_FINISH_REASON: lambda message, finish: (message, None),
    AnswerForm.WRONG_FINISH_REASON: lambda message, finish: (
        message,
        "stop" if message.get("tool_calls") else "tool_calls",
    ),
}
