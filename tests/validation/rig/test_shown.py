"""Values as text: with everything that a caller can notice, and nothing that differs from run to run."""

import re
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.validation.rig.shown import MOST_TEXT, NotPlain, bounded, call_text, plain, shown


class Point:
    def __init__(self, x: object) -> None:
        self.x = x
        self._seen = object()


class Addressed:
    def __repr__(self) -> str:
        return f"<Addressed at 0x{0x7F00 + id(self):2X}>"


class Named:
    def __repr__(self) -> str:
        return "a name"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1.0"),
        (b"a", "b'a'"),
        ([1, "a"], "list [1, 'a']"),
        ((1,), "tuple [1]"),
        ({"b": 1, "a": (2,)}, "dict {'b': 1, 'a': tuple [2]}"),
        ({3, 1, 2}, "set [1, 2, 3]"),  # the order of a set has no meaning
        (re.compile("a", re.IGNORECASE), "re.compile('a', 34)"),
        (Named(), "Named a name"),
        (list(range(201)), f"list [{', '.join(map(str, range(200)))}, and 1 more]"),
    ],
)
def test_type_and_content(value: object, text: str) -> None:
    assert shown(value) == text


def test_objects_show_their_public_attributes_and_no_address() -> None:
    text = shown(Point([1]))
    assert text.endswith("Point object> {'x': list [1]}")
    assert " at 0x" not in text
    assert shown(Addressed()) == "<Addressed>"
    assert shown(OrderedDict(a=1)).startswith("OrderedDict")


def test_values_that_are_more_than_their_content_are_not_plain() -> None:
    assert plain({"a": [1, (None, True)]}) == "dict {'a': list [1, tuple [None, True]]}"
    for value in (Point(1), len, [Named()]):
        with pytest.raises(NotPlain):
            plain(value)


def test_long_texts_differ_by_their_digest() -> None:
    assert bounded("a" * MOST_TEXT) == "a" * MOST_TEXT
    one, other = bounded("a" * 400), bounded("a" * 399 + "b")
    assert one[:MOST_TEXT] == other[:MOST_TEXT]
    assert one != other


def test_a_call_in_readable_form() -> None:
    class Text(str):
        pass

    given: list[Any] = [1, Text("a"), "b" * 80]
    assert call_text("Point.__init__", [1], {"y": 2}) == "Point(1, y=2)"
    assert call_text("f", given, {}) == f"f(1, Text('a'), '{'b' * 56}...)"
    assert "0x" not in call_text("f", [SimpleNamespace(a=object())], {})
