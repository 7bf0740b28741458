"""What a task's text asks for: losses and powers that it names are not findings."""

import pytest

from nightcrew.validation.questions.request import Request


@pytest.mark.parametrize(
    ("text", "name", "removes", "changes"),
    [
        ("Remove `parse_all`.", "parse_all", True, True),
        ("parse_all is deprecated: drop it.", "parse_all", True, True),
        ("Remove the old code. Keep parse_all.", "parse_all", False, False),
        ("Do not remove parse_all.", "parse_all", False, False),
        ("parse_all must never be removed", "parse_all", False, True),
        ("Make the default of parse_all optional.", "parse_all", False, True),
        ("Fix parse_all for empty input.", "parse_all", False, False),
        ("Rename parse_all_now to parse.", "parse_all", False, False),
        ("Remove a.", "a", False, False),  # also a word
        ("Remove `a`.", "a", True, True),
        ("Remove a() and b.", "a", True, True),
        ("Things to do:\n- remove\n- parse_all is fine", "parse_all", False, False),
    ],
)
def test_what_may_go_and_what_may_change(text: str, name: str, removes: bool, changes: bool) -> None:
    request = Request(text)
    assert request.removes("unrelated_name", name) is removes
    assert request.changes(name) is changes


def test_nothing_is_asked_for_without_a_name() -> None:
    assert not Request("Remove everything.").removes("")
    assert not Request("Remove everything.").removes()


def test_words_are_mentioned_in_any_case_and_as_whole_words() -> None:
    request = Request("Download the file\nover the Network.")
    assert request.mentions(["network"])
    assert request.mentions(["other", "download"])
    assert not request.mentions(["load"])
    assert not request.mentions([])
