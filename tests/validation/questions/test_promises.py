"""Exceptions that base documents or tests, and that a change no longer raises."""

import ast
from collections.abc import Collection

import pytest

from nightcrew.validation.questions.promises import expected_in_tests, lost_exceptions
from nightcrew.validation.questions.surface import surface

DOCUMENTED = '''\
def parse(text):
    """Parses.

    Raises:
        ParseError: it is not valid.
    """
    if not text:
        raise ParseError(text)
    return load(text)
'''


def lost(before: str, after: str, tested: Collection[str] = ()) -> list[str]:
    faces = surface(ast.parse(before)), surface(ast.parse(after))
    return [one.what for one in lost_exceptions(*faces, set(tested))]


def test_a_documented_exception_that_is_no_longer_raised() -> None:
    after = DOCUMENTED.replace("raise ParseError(text)", "return None")
    assert lost(DOCUMENTED, after) == ["parse does not raise ParseError any more, which base documents"]
    assert lost(DOCUMENTED, DOCUMENTED) == []


def test_a_tested_exception_that_is_no_longer_raised() -> None:
    before, after = "def f(x):\n    raise errors.Late(x)\n", "def f(x):\n    return x\n"
    assert lost(before, after, {"Late"}) == ["f does not raise Late any more, which base tests"]
    assert lost(before, after) == []


def test_an_exception_that_another_function_raises_now_is_not_lost() -> None:
    after = (
        DOCUMENTED.replace("raise ParseError(text)", "check(text)")
        + "\ndef check(x):\n    raise ParseError(x)\n"
    )
    assert lost(DOCUMENTED, after) == []


@pytest.mark.parametrize("caught", ["ParseError", "(ValueError, ParseError)", "Exception", ""])
def test_an_exception_that_is_swallowed(caught: str) -> None:
    handler = f"    try:\n        return load(text)\n    except {caught}:\n        return None\n".replace(
        "except :", "except:"
    )
    after = DOCUMENTED.replace("    return load(text)\n", handler)
    assert len(lost(DOCUMENTED, after)) == 1
    assert lost(after, after) == []  # base did so too
    assert lost(DOCUMENTED, after.replace("        return None", "        raise")) == []


def test_exceptions_that_tests_expect() -> None:
    text = """
with pytest.raises(shop.Late):
    f()
self.assertRaises((KeyError, Gone), f)
self.assertRaisesRegex(Odd, 'x')
"""
    assert expected_in_tests(text) == {"Late", "KeyError", "Gone", "Odd"}
