"""Which values of the reproducers are replaced by others, and where."""

import ast

import pytest

from nightcrew.validation.gates.retold import _checks, _given, _holding, _is_example, _knows, _with_other

TEST = """\
def test_slug(client):
    client.send("Hello World", 300, mode="fast")
    assert client.read("b") == "hello-world"
    assert f"Hello World {client}" != b"Hello"


class TestMore:
    def test_other(self):
        call("other")
"""


@pytest.mark.parametrize(
    ("decides", "found"),
    [
        (["'World'"], ["Hello World"]),
        (["300"], [300]),
        (["b'Hello'"], [b"Hello"]),
        (["'o'"], []),  # one letter is in every text
        (["3"], []),  # another number
        (["'nothing'"], []),
    ],
)
def test_literals_that_hold_what_the_change_knows(decides: list[str], found: list[object]) -> None:
    # A text inside of an f-string is held by its pieces, which are replaced with none of them.
    assert [one for one in _holding(TEST, decides) if one != "Hello World "] == found


def test_a_number_is_held_by_a_text_with_its_digits() -> None:
    assert _knows("at 300 degrees", ["300"])
    assert not _knows(3000, ["300"])


def test_values_that_the_reproducers_give_to_calls() -> None:
    assert _given(TEST, ["tests/test_a.py::test_slug"]) == ["Hello World", 300, "b"]
    assert _given(TEST, ["tests/test_a.py::TestMore::test_other"]) == ["other"]
    assert _given(TEST, ["tests/test_a.py::test_missing"]) == []


def test_a_value_is_replaced_everywhere_but_in_pieces_of_texts() -> None:
    text = _with_other('x = "a"\ny = ["ä", "a", f"a{x}"]\n', repr("a"), "bc")
    assert text == "x = 'bc'\ny = [\"ä\", 'bc', f\"a{x}\"]\n"
    ast.parse(text)


@pytest.mark.parametrize(
    ("literal", "is_example"), [("'/'", False), ("b'--'", False), ("'/a'", True), ("300", True)]
)
def test_a_mark_of_a_syntax_is_no_example(literal: str, is_example: bool) -> None:
    assert _is_example(literal) is is_example


def test_only_checks_that_fail_in_all_tests_are_compared() -> None:
    failed, crashed = ("a", "failed", "no", "assertion", 7), ("b", "failed", "no", "crash", 3)
    assert _checks((failed,)) == [("a", 7)]
    assert _checks((failed, crashed)) == []
