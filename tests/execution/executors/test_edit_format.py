"""Which format a model is asked for, and how its edits are read from JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.execution.executors.edit_format import (
    EditFormat,
    format_words,
    formats_for,
    read_reply,
    request_fields,
)
from nightcrew.execution.executors.reply import BadEdits, Replacement, WholeFile

TEXT, JSON = EditFormat.TEXT, EditFormat.JSON


def entry(path: str = "a.py", **given: Any) -> dict[str, Any]:
    return {"path": path, "content": None, "search": None, "replace": None, **given}


def reply(*edits: Any) -> str:
    return json.dumps({"edits": list(edits)})


def test_text_comes_first_unless_it_is_often_missed() -> None:
    assert formats_for(structured=False, missed_share=1.0) == (TEXT,)
    assert formats_for(structured=True, missed_share=0.1) == (TEXT, JSON)
    assert formats_for(structured=True, missed_share=0.6) == (JSON, TEXT)


def test_only_json_has_a_schema_in_the_request() -> None:
    assert request_fields(TEXT) == {}
    schema = request_fields(JSON)["response_format"]["json_schema"]
    assert schema["strict"] and schema["schema"]["required"] == ["edits"]
    assert "### FILE" in format_words(TEXT) and '"edits"' in format_words(JSON)


@pytest.mark.parametrize("around", ["{}", "```json\n{}\n```", "\n {} \n"])
@pytest.mark.parametrize("kind", EditFormat)
def test_edits_in_json_are_read_whatever_was_asked_for(around: str, kind: EditFormat) -> None:
    text = reply(entry(content="x = 1\n"), entry("b.py", search="y = 1", replace="y = 2"))
    assert read_reply(around.replace("{}", text), kind) == (
        WholeFile("a.py", "x = 1\n"),
        Replacement("b.py", "y = 1\n", "y = 2\n"),
    )


def test_edits_in_text_are_read_when_json_was_asked_for() -> None:
    assert read_reply("### FILE a.py\n```\nx\n```\n### END", JSON) == (WholeFile("a.py", "x\n"),)


def test_text_about_json_stays_text() -> None:
    file = '{"edits": []}\n'
    assert read_reply(f"### FILE a.json\n```\n{file}```\n### END", TEXT) == (WholeFile("a.json", file),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (reply(entry()), "give either"),
        (reply(entry(content="x", search="y", replace="z")), "give either"),
        (reply({"path": "a.py"}), "edits.0.content"),
        (reply("a.py"), "edits.0"),
        ('{"edits": [{"path": "a.py", "content": "x}', "cannot be read"),
        ("I have made the change.", "no JSON object"),
        ("", "no JSON object"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, why: str) -> None:
    with pytest.raises(BadEdits, match=why):
        read_reply(text, JSON)


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_content_survives(content: str) -> None:
    assert read_reply(reply(entry(content=content)), JSON) == (WholeFile("a.py", content),)


@pytest.mark.parametrize("about", ["Sure, here it is:\n", "<think>\nA draft: {}\n</think>\n", "```json\n"])
def test_an_object_that_was_asked_for_is_read_whatever_stands_before_it(about: str) -> None:
    entry = {"path": "a.py", "content": "x = 1\n", "search": None, "replace": None}
    reply = f"{about}{json.dumps({'edits': [entry]})}"
    assert read_reply(reply, EditFormat.JSON) == (WholeFile("a.py", "x = 1\n"),)


def test_an_object_in_the_thinking_is_no_answer() -> None:
    with pytest.raises(BadEdits):
        read_reply('<think>{"edits": [{"path": "a", "content": "b"}]}</think>\nDone.', EditFormat.JSON)
