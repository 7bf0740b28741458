"""Another version of a file's code in live functions: only the statement that differs is compiled."""

import types
from pathlib import Path
from typing import Any

import pytest

from nightcrew.validation.rig import swap
from nightcrew.validation.rig.protocol import Variant

TEXT = '''\
from __future__ import annotations

import os

LIMIT = 3


def first(a):
    def inner():
        return a + 1
    return inner()


class Second:
    """Holds."""

    size = 2

    def method(self):
        return self.size * LIMIT

    def other(self):
        return os.sep
'''


@pytest.fixture
def product(tmp_path: Path) -> dict[str, Any]:
    path = str(tmp_path / "product.py")
    Path(path).write_text(TEXT)
    space: dict[str, Any] = {"__name__": "product", "path": path}
    exec(compile(TEXT, path, "exec", dont_inherit=True), space)
    swap.remember(path)
    return space


def edit(old: str, new: str) -> Variant:
    start = TEXT.index(old)
    return Variant([(start, start + len(old), new)])


@pytest.mark.parametrize(
    ("old", "new", "call", "was", "now"),
    [
        ("a + 1", "a - 1", lambda space: space["first"](5), 6, 4),
        ("self.size * LIMIT", "None", lambda space: space["Second"]().method(), 6, None),
        ("os.sep", "'x'", lambda space: space["Second"]().other(), "/", "x"),
    ],
)
def test_an_edit_is_put_in_place_and_taken_back(
    product: dict[str, Any], old: str, new: str, call: Any, was: object, now: object
) -> None:
    swaps = swap.prepare(product["path"], edit(old, new))
    original = [(function, function.__code__) for function, _ in swaps]
    assert call(product) == was
    assert swap.apply(swaps) == 1
    assert call(product) == now
    swap.apply(original)
    assert call(product) == was


def test_a_whole_text_takes_the_place_of_another(product: dict[str, Any]) -> None:
    text = TEXT.replace("a + 1", "a * 10").replace("self.size * LIMIT", "0")
    swaps = swap.prepare(product["path"], Variant(source=text))
    assert swap.apply(swaps) == 2
    assert (product["first"](2), product["Second"]().method()) == (20, 0)


def test_what_is_not_python_or_binds_other_variables_cannot_be_put_in_place(product: dict[str, Any]) -> None:
    assert swap.try_to_prepare(product["path"], edit("a + 1", "a +")) == []
    assert swap.try_to_prepare(product["path"], edit("LIMIT = 3", "LIMIT = 4")) == []


def test_edits_are_applied_from_the_end() -> None:
    assert swap.edited("abcdef", [(0, 1, "XX"), (4, 6, "")]) == "XXbcd"


def test_lines_stay_where_they_are(product: dict[str, Any]) -> None:
    ((function, code),) = swap.prepare(product["path"], edit("os.sep", "'x'"))
    assert isinstance(code, types.CodeType)
    assert code.co_firstlineno == function.__code__.co_firstlineno
