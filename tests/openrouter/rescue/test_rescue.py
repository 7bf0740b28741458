"""Answers in a wrong form become what they are meant to be; well-formed ones stay the same object."""

# ruff: noqa: E501 - forms stand in one line, as they are sent

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightcrew.execution.attempt import Rescue
from nightcrew.openrouter.rescue.json_text import read_object
from nightcrew.openrouter.rescue.kinds import RescueKind
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.rescue import rescued
from tests.openrouter.rescue.tools import OFFERED, body, call

LS = {"command": "ls"}
CODE = {"command": "create", "path": "/a.py", "file_text": "x = 1\n\n\ndef f():\n    return '\\d \"q\"'\n"}
NOTHING = Offered({})


def made(message: dict[str, Any], finish: Any = "tool_calls") -> tuple[dict[str, Any], list[str]]:
    """The repaired first choice, and the kinds of rescues that worked."""
    answer = rescued(body(message, finish), OFFERED)
    return answer.body["choices"][0], [str(rescue.kind) for rescue in answer.rescues if rescue.worked]


def calls(choice: dict[str, Any]) -> list[tuple[str, Any]]:
    functions = [entry["function"] for entry in choice["message"]["tool_calls"]]
    return [(function["name"], json.loads(function["arguments"])) for function in functions]


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ('{"command": "ls",}', LS),
        ("{'command': 'ls'}", LS),
        ('{command: "ls"}', LS),
        ('{"command": "ls"', LS),
        ('```json\n{"command": "ls"}\n```', LS),
        ('{"command": "ls"}{"command": "ls"}', LS),
        ('{}{"command": "ls"}', LS),
        (json.dumps(json.dumps(LS)), LS),
        (json.dumps(json.dumps(json.dumps(LS))), LS),
        (LS, LS),
        ('{"command": "echo a\nb"}', {"command": "echo a\nb"}),
        ('{"command": "grep \\d"}', {"command": "grep \\d"}),
        ('{"command": "echo \\\'a\\\'"}', {"command": "echo 'a'"}),
        ('{"command": "ls", "is_input": True}', {"command": "ls", "is_input": True}),
        ('{"command": "echo "a""}', {"command": 'echo "a"'}),
        ('{"arguments": {"command": "ls"}}', LS),
        ('{"command": "ls"}</tool_call>', LS),
        ('Sure: {"command": "ls"}', LS),
        ('{"command": "ls", "timeout": "30"', {"command": "ls", "timeout": 30}),
    ],
)
def test_arguments_are_read_as_they_are_meant(arguments: Any, meant: dict[str, Any]) -> None:
    choice, kinds = made({"content": None, "tool_calls": [call("terminal", arguments)]})
    assert calls(choice) == [("terminal", meant)]
    assert kinds == [RescueKind.ARGUMENTS]


@pytest.mark.parametrize("nothing", ["", None, " ", {}])
def test_no_arguments_are_an_empty_object(nothing: Any) -> None:
    choice, _ = made({"content": None, "tool_calls": [call("list_files", nothing)]})
    assert calls(choice) == [("list_files", {})]


@pytest.mark.parametrize(
    "arguments",
    [
        '{"command": "create", "file_text": "x = ',
        '{"command": "ls", "timeout": 1',
        '{"command":',
        "ls",
        "[1]",
    ],
)
def test_arguments_whose_rest_is_not_certain_stay_and_are_counted(arguments: str) -> None:
    answer = rescued(body({"tool_calls": [call("terminal", arguments)]}, "tool_calls"), OFFERED)
    assert answer.body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == arguments
    assert answer.rescues == (Rescue(RescueKind.ARGUMENTS, False),)


def test_a_call_cut_at_the_output_limit_is_never_completed() -> None:
    answer = rescued(body({"tool_calls": [call("terminal", '{"command": "ls"')]}, "length"), OFFERED)
    assert (
        answer.body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"command": "ls"'
    )


@pytest.mark.parametrize(
    "name",
    ["functions.file_editor", "File_Editor", "file-editor", "fileEditor", "default_api.file_editor", "file editor",
     "file_editor:0", "file_editr", "file_editor<|channel|>commentary", " file_editor\n", "str_replace_file_editor"],
)  # fmt: skip
def test_a_misspelt_name_is_the_only_near_one(name: str) -> None:
    arguments = json.dumps(CODE)
    choice, kinds = made({"tool_calls": [call(name, arguments)]})
    assert calls(choice) == [("file_editor", CODE)]
    assert kinds == [RescueKind.TOOL_NAME]


@pytest.mark.parametrize("name", ["browser", "file", "", "x" * 5_000, "terminal_or_file_editor"])
def test_a_name_of_no_offered_tool_stays(name: str) -> None:
    answer = rescued(body({"tool_calls": [call(name, "{}")]}, "tool_calls"), OFFERED)
    assert answer.body["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == name


def test_a_legacy_call_is_a_tool_call() -> None:
    choice, kinds = made(
        {"content": None, "function_call": {"name": "terminal", "arguments": LS}}, "function_call"
    )
    assert calls(choice) == [("terminal", LS)]
    assert choice["finish_reason"] == "tool_calls"
    assert RescueKind.LEGACY_CALL in kinds


@pytest.mark.parametrize(
    "listed",
    [
        {"function": {"name": "terminal", "arguments": LS}},
        [{"name": "terminal", "arguments": LS}],
        [{"name": "terminal", "parameters": json.dumps(LS)}],
        json.dumps([{"name": "terminal", "arguments": LS}]),
        [json.dumps({"name": "terminal", "arguments": LS})],
        [{"type": "tool_use", "name": "terminal", "input": LS}],
    ],
)
def test_calls_of_another_shape_are_listed(listed: Any) -> None:
    assert calls(made({"content": "", "tool_calls": listed})[0]) == [("terminal", LS)]


def test_missing_and_repeated_ids_become_unique() -> None:
    entries = [call("terminal", json.dumps(LS)) for _ in range(3)]
    del entries[2]["id"]
    choice, kinds = made({"tool_calls": entries})
    ids = [entry["id"] for entry in choice["message"]["tool_calls"]]
    assert ids[0] == "call_1"
    assert len(set(ids)) == 3
    assert kinds == [RescueKind.CALL_ID]


def test_parts_of_a_content_are_one_text() -> None:
    parts = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "a"},
        "b",
        {"type": "text", "text": "c"},
    ]
    choice, kinds = made({"content": parts}, "stop")
    assert (choice["message"]["content"], choice["message"]["reasoning_content"]) == ("abc", "hm")
    assert kinds == [RescueKind.CONTENT_PARTS]


@pytest.mark.parametrize(
    ("finish", "right"),
    [(None, "stop"), ("tool_calls", "stop"), ("eos", "stop"), ("MAX_TOKENS", "length"), ("length", "length")],
)
def test_a_finish_reason_says_what_happened(finish: Any, right: str) -> None:
    assert made({"content": "Done."}, finish)[0]["finish_reason"] == right
    ended = made({"tool_calls": [call("terminal", json.dumps(LS))]}, finish)[0]["finish_reason"]
    assert ended == ("length" if right == "length" else "tool_calls")


@pytest.mark.parametrize(
    "content",
    ["<think>\nhm\n</think>\n\nDone.", "hm</think>\nDone.", "<thinking>hm</thinking>Done.", "◁think▷hm◁/think▷Done.",
     "[THINK]hm[/THINK]Done.", "<think>a</think><think>b</think>Done.", "<think></think>Done.",
     "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Done."],
)  # fmt: skip
def test_thinking_is_never_the_answer(content: str) -> None:
    for offered in (OFFERED, NOTHING):
        answer = rescued(body({"content": content}), offered)
        assert answer.body["choices"][0]["message"]["content"] == "Done."


def test_a_call_in_the_thinking_is_no_call() -> None:
    text = '<think>Should I <tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call>?</think>No.'
    assert "tool_calls" not in made({"content": text}, "stop")[0]["message"]


def test_a_call_that_cannot_be_read_gives_a_hint() -> None:
    answer = rescued(body({"content": "<tool_call>terminal ls</tool_call>"}), OFFERED)
    assert "not a tool call" in answer.hint
    assert "terminal, file_editor" in answer.hint
    assert rescued(body({"content": "All done."}), OFFERED).hint == ""


def test_only_the_tools_that_were_offered_are_called() -> None:
    text = '{"name": "terminal", "arguments": {"command": "ls"}}'
    assert rescued(body({"content": text}), NOTHING).rescues == ()
    request = {"tools": [{"type": "function", "function": {"name": "terminal"}}], "tool_choice": "none"}
    assert not Offered.by(request)


texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)
arguments = st.dictionaries(
    st.sampled_from(["command", "path", "message", "x"]), texts | st.integers() | st.booleans()
)
well_formed_calls = st.lists(
    st.tuples(st.sampled_from(sorted(OFFERED.tools)), arguments), min_size=1, max_size=4
).map(lambda some: [call(name, json.dumps(given), id=f"c{n}") for n, (name, given) in enumerate(some)])


@given(
    well_formed_calls,
    st.none() | st.text(st.sampled_from("ab .\n{}"), max_size=20),
    st.sampled_from(["tool_calls", "length"]),
)
def test_a_well_formed_call_is_never_altered(entries: list[Any], content: str | None, finish: str) -> None:
    answer = body({"role": "assistant", "content": content, "tool_calls": entries, "reasoning": "hm"}, finish)
    assert rescued(answer, OFFERED).body is answer


@given(
    st.lists(
        st.sampled_from(
            ["I ran the tests.", " ", "\n", "`finish`", "def f(x):", "```python", "```", "{", "1 < 2"]
        )
    )
)
def test_a_text_without_a_call_is_never_altered(words: list[str]) -> None:
    answer = body({"role": "assistant", "content": "".join(words), "tool_calls": []})
    assert rescued(answer, OFFERED).body is answer
    assert rescued(answer, NOTHING).body is answer


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | texts
    | st.sampled_from(["terminal", "{", '{"name": "terminal"', "<tool_call>"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "function", "arguments", "type", "id", "text"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(odd, odd, odd, odd)
@example(None, None, {"name": [None]}, [])
def test_whatever_is_sent_is_rescued_or_stays(content: Any, listed: Any, legacy: Any, finish: Any) -> None:
    message = {"content": content, "tool_calls": listed, "function_call": legacy}
    answer = rescued(body(message, finish), OFFERED)
    for entry in answer.body["choices"][0]["message"].get("tool_calls") or ():
        if isinstance(entry, dict) and RescueKind.TEXT_CALL in {
            rescue.kind for rescue in answer.rescues if rescue.worked
        }:
            assert entry["function"]["name"] in OFFERED.tools
    for odd_body in ({}, {"choices": content}, {"choices": [content]}, {"choices": [{"message": listed}]}):
        assert rescued(odd_body, OFFERED).body is not None


@given(st.dictionaries(texts, texts | st.integers() | st.lists(texts, max_size=3), max_size=4))
def test_every_object_is_read_as_itself(value: dict[str, Any]) -> None:
    assert read_object(json.dumps(value)) == value
    assert read_object(json.dumps(json.dumps(value))) == value
    assert read_object(json.dumps(value, ensure_ascii=False, indent=2)) == value


@given(st.dictionaries(texts, texts, min_size=1, max_size=3))
def test_raw_line_breaks_and_trailing_commas_change_no_value(value: dict[str, str]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    loose = text.replace("\\n", "\n").replace("\\t", "\t") if "\\\\" not in text else text
    assert read_object(f"{loose[:-1]},}}") == value
    assert read_object(loose[:-1]) == value
