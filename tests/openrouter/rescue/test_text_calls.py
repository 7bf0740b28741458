"""Calls written as text, in every notation that is known, and in some that nobody has seen."""

# ruff: noqa: E501 - forms stand in one line, as they are sent

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.openrouter.rescue.text_calls import calls_in, looks_like_a_call
from tests.openrouter.rescue.tools import OFFERED

LS = '{"command": "ls -la"}'
CALL = '{"name": "terminal", "arguments": {"command": "ls -la"}}'

FORMS = {
    "hermes": f"<tool_call>\n{CALL}\n</tool_call>",
    "hermes without an end": f"<tool_call>\n{CALL}",
    "other tags": f"<tools>{CALL}</tools>",
    "qwen": "<function=terminal>\n<parameter=command>\nls -la\n</parameter>\n</function>",
    "qwen in a tool_call": "<tool_call>\n<function=terminal>\n<parameter=command>\nls -la\n</parameter>\n</function>\n</tool_call>",
    "qwen without an end": "<function=terminal>\n<parameter=command>\nls -la\n</parameter>\n",
    "function with JSON": f"<function=terminal>{LS}</function>",
    "llama": f'<|python_tag|>{{"name": "terminal", "parameters": {LS}}}<|eom_id|>',
    "minimax": '<minimax:tool_call>\n<invoke name="terminal">\n<parameter name="command">ls -la</parameter>\n</invoke>\n</minimax:tool_call>',
    "anthropic": '<function_calls><invoke name="terminal"><parameter name="command">ls -la</parameter></invoke></function_calls>',
    "mistral list": f"[TOOL_CALLS][{CALL}]",
    "mistral": f"[TOOL_CALLS]terminal{LS}",
    "mistral with mark": f"[TOOL_CALLS]terminal[ARGS]{LS}",
    "glm": "<tool_call>terminal\n<arg_key>command</arg_key>\n<arg_value>ls -la</arg_value>\n</tool_call>",
    "kimi": f"<|tool_calls_section_begin|><|tool_call_begin|>functions.terminal:0<|tool_call_argument_begin|>{LS}<|tool_call_end|><|tool_calls_section_end|>",
    "deepseek": f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>terminal\n```json\n{LS}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "deepseek 3.1": f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>terminal<｜tool▁sep｜>{LS}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "harmony": f"<|channel|>commentary to=functions.terminal <|constrain|>json<|message|>{LS}<|call|>",
    "react": f"Thought: I look.\nAction: terminal\nAction Input: {LS}",
    "gemma": '<|tool_call>call:terminal{command:<|"|>ls -la<|"|>}<tool_call|>',
    "cohere": f'<|START_ACTION|>\n[{{"tool_name": "terminal", "parameters": {LS}}}]\n<|END_ACTION|>',
    "fence": f"```json\n{CALL}\n```",
    "bare": CALL,
    "with a function object": f'{{"type": "function", "function": {CALL}}}',
    "openai list": f'{{"tool_calls": [{{"function": {CALL}}}]}}',
    "arguments as a text": json.dumps({"name": "terminal", "arguments": LS}),
    "flat": '{"tool": "terminal", "command": "ls -la"}',
    "keyed": f'{{"terminal": {LS}}}',
    "single quotes": "{'name': 'terminal', 'arguments': {'command': 'ls -la'}}",
    "trailing comma": '<tool_call>{"name": "terminal", "arguments": {"command": "ls -la",},}</tool_call>',
    "python": 'terminal(command="ls -la")',
    "python list": '[terminal(command="ls -la")]',
    "python in a fence": "```tool_code\nprint(default_api.terminal(command='ls -la'))\n```",
    "python positional": "terminal('ls -la')",
    "elements": "<terminal>\n<command>ls -la</command>\n</terminal>",
    "tool with a name element": "<tool_use><tool_name>terminal</tool_name><command>ls -la</command></tool_use>",
    "an attribute": '<tool name="terminal"><arg name="command">ls -la</arg></tool>',
    "typescript": 'terminal({command: "ls -la"})',
    "an object in a call": f"functions.terminal({LS})",
    "python positional object": f"terminal({LS})",
    "lfm": '<|tool_call_start|>[terminal(command="ls -la")]<|tool_call_end|>',
    "one tag": '<terminal command="ls -la"/>',
    "one tag with a name": "<tool name='terminal' command='ls -la' />",
    "escaped for HTML": f"&lt;tool_call&gt;{CALL.replace('"', '&quot;')}&lt;/tool_call&gt;",
    "escaped quotes": CALL.replace('"', '\\"'),
    "thought and action": f'{{"thought": "I look.", "action": {CALL}}}',
    "command object": f'{{"command": {{"name": "terminal", "args": {LS}}}}}',
    "call and arguments": f"Call: terminal\nArguments: {LS}",
    "never seen: arrows": f"=> terminal => {LS}",
    "never seen: another tag": f"<do_now>{CALL}</do_now>",
    "never seen: other keys": f'{{"recipient_name": "functions.terminal", "args": {LS}}}',
    "never seen: markdown": f"**terminal**\n\n```json\n{LS}\n```",
}


def read(text: str, *, cut: bool = False) -> list[tuple[str, dict[str, Any]]]:
    return [(found.tool.name, dict(found.arguments)) for found in calls_in(text, OFFERED, cut=cut)[0]]


@pytest.mark.parametrize("form", FORMS)
def test_a_call_is_read_in_any_form_with_prose_around_it(form: str) -> None:
    expected = [("terminal", {"command": "ls -la"})]
    for text in (FORMS[form], f"I will look first.\n\n{FORMS[form]}", f"{FORMS[form]}\n\nThen I go on."):
        if "without an end" in form and text.endswith("I go on."):
            continue
        assert read(text) == expected, text


@pytest.mark.parametrize("form", FORMS)
def test_several_calls_are_read_in_order(form: str) -> None:
    if "without an end" in form:
        return
    both = f"{FORMS[form]}\n{FORMS[form].replace('ls -la', 'pwd')}"
    assert read(both) == [("terminal", {"command": "ls -la"}), ("terminal", {"command": "pwd"})]


@pytest.mark.parametrize("form", FORMS)
def test_a_tool_that_is_not_offered_is_never_called(form: str) -> None:
    assert read(FORMS[form].replace("terminal", "browser")) == []


@pytest.mark.parametrize(
    "text",
    [
        "I ran ls in the terminal and all tests pass.",
        "The terminal (see above) shows that it works.",
        "Use `finish` when done. The file_editor is a tool.",
        "```python\ndef terminal(command):\n    return command\n```",
        '```json\n{"name": "shop", "version": "1.0", "scripts": {"test": "pytest"}}\n```',
        "def finish(message): ...",
        "| terminal | finish |\n| --- | --- |",
        "",
    ],
)
def test_prose_is_no_call(text: str) -> None:
    assert read(text) == []


def test_texts_get_the_types_of_the_schema() -> None:
    text = (
        "<function=file_editor><parameter=command>view</parameter><parameter=path>/a</parameter>"
        "<parameter=view_range>[1, 20]</parameter><parameter=insert_line>3</parameter></function>"
    )
    arguments = {"command": "view", "path": "/a", "view_range": [1, 20], "insert_line": 3}
    assert read(text) == [("file_editor", arguments)]


def test_a_file_that_holds_markup_is_written_whole() -> None:
    content = '<b>x</b>\n<parameter>\n</parameter>\n<command>no</command>\n{"name": "finish"}\n'
    text = (
        "<function=file_editor>\n<parameter=command>create</parameter>\n<parameter=path>/a.html</parameter>\n"
        f"<parameter=file_text>\n{content}\n</parameter>\n</function>"
    )
    assert read(text) == [("file_editor", {"command": "create", "path": "/a.html", "file_text": content})]


def test_a_call_that_was_cut_is_not_completed() -> None:
    for text in (
        '<tool_call>{"name": "file_editor", "arguments": {"command": "create", "path": "/a", "file_text": "x = ',
        "<function=file_editor><parameter=command>create</parameter><parameter=path>/a</parameter>"
        "<parameter=file_text>x = ",
        'file_editor(command="create", path="/a", file_text="x = ',
    ):
        assert read(text) == []
        assert read(text, cut=True) == []
    assert read(f"<tool_call>{CALL}", cut=True) == []


def test_an_unreadable_call_is_recognised_as_one() -> None:
    assert looks_like_a_call("<tool_call>terminal ls -la</tool_call>", OFFERED)
    assert not looks_like_a_call("All done; the tests pass.", OFFERED)


def test_the_text_around_a_call_is_kept() -> None:
    found, rest = calls_in(f"I look.\n<tool_call>{CALL}</tool_call>", OFFERED, cut=False)
    assert (len(found), rest) == (1, "I look.")


words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30)


@given(words)
def test_any_command_survives_every_json_form(command: str) -> None:
    call = json.dumps({"name": "terminal", "arguments": {"command": command}})
    for text in (f"<tool_call>{call}</tool_call>", f"```json\n{call}\n```", f"[TOOL_CALLS][{call}]"):
        assert read(text) == [("terminal", {"command": command})]
    arguments = json.dumps({"command": command})
    assert read(f"[TOOL_CALLS]terminal{arguments}") == [("terminal", {"command": command})]
    assert read(f"terminal(command={command!r})") == [("terminal", {"command": command})]
