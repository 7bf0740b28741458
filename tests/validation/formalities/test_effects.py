"""Which parts of a change calls would show, and which can do something that no call shows."""

import pytest

from nightcrew.validation.answers import Answer, Compared
from nightcrew.validation.faults.parts import parts_of
from nightcrew.validation.formalities.effects import LEAST_SAME, Effects, are_same, functions_of
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import read

BASE = """\
import locale
import os

SEEN = {}


class Shelf:
    last = None


def clean(text):
    return text


def f(x, limit=3):
    y = x
    return clean(y)
"""


def shown(old: str, new: str) -> set[bool]:
    """Whether calls show the parts of an edit of BASE."""
    after = BASE.replace(old, new)
    effects = Effects(SourceText(after), read(after))
    return {effects.are_shown(one) for one in parts_of(BASE, after)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    y = x\n", "    y = clean(x)\n"),
        ("    y = x\n", "    y = x.copy()\n"),
        ("    y = x\n", "    y = x or limit\n"),
        ("    y = x\n", "    y = [*reversed(x)]\n"),
        ("return clean(y)", "return y if isinstance(x, Shelf) else clean(y)"),
    ],
)
def test_what_makes_a_value_of_the_functions_own_is_shown_by_calls(old: str, new: str) -> None:
    assert shown(old, new) == {True}


@pytest.mark.parametrize(
    "new",
    [
        "y = locale.setlocale(locale.LC_ALL, x)",
        "y = x.clear() or x\n    os.remove(x)",
        "SEEN[x] = y = x",
        "Shelf.last = y = x",
        "y = (print(x), x)",
        "x.unlink()",
        "with x.lock:\n        y = x",
        "if x.open:\n        x.close()",
    ],
)
def test_what_acts_elsewhere_is_not_shown_by_calls(new: str) -> None:
    assert False in shown("y = x", new)


def test_a_handler_is_not_shown_by_calls() -> None:
    after = BASE.replace(
        "    y = x\n", "    try:\n        y = int(x)\n    except (ValueError, KeyError):\n        y = x\n"
    )
    effects = Effects(SourceText(after), read(after))
    types = [one for one in parts_of(BASE, after) if one.before == "(ValueError, KeyError)"]
    assert types and not any(map(effects.are_shown, types))


def test_only_many_calls_without_a_difference_are_the_same() -> None:
    def call(count: int, last: str) -> Compared:
        beside = tuple(Answer(f"f({one})", "1", "1") for one in range(count - 2))
        return Compared("f", Answer("f(0)", "1", "1"), frozenset(), (*beside, Answer("f(9)", "1", last)))

    assert are_same([call(LEAST_SAME, "1")])
    assert not are_same([call(LEAST_SAME - 1, "1")])
    assert not are_same([call(LEAST_SAME, "2")])
    assert not are_same([call(LEAST_SAME, "!KeyError")])
    grows = Compared("f", Answer("f(0)", "1", "1", growth=(4.0, 16.0)), frozenset(), ())
    assert not are_same([call(LEAST_SAME, "1"), grows])


def test_the_functions_of_parts_are_found() -> None:
    after = BASE.replace("y = x\n", "y = clean(x)\n")
    effects = Effects(SourceText(after), read(after))
    found = functions_of(effects.functions, parts_of(BASE, after))
    assert [one.name for one in found] == ["f"]
