"""A refactoring that asks something else of its inputs is none."""

import ast

import pytest

from nightcrew.validation.reading.narrowed import asks_otherwise
from nightcrew.validation.reading.suite import Function


def function(text: str) -> Function:
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    return node


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    if a is None:\n        a = []\n    return a", "    return a or []"),
        (
            "    if a is None:\n        return 1\n    return a",
            "    if not a:\n        return 1\n    return a",
        ),
        ("    return 1 if a.b is not None else 2", "    return 1 if a.b else 2"),
        ("    return isinstance(a, str)", "    return type(a) is str"),
        ("    return isinstance(a, str)", "    return a.__class__ == str"),
    ],
)
def test_what_looks_the_same_and_is_not(old: str, new: str) -> None:
    assert asks_otherwise(function(f"def f(a):\n{old}\n"), function(f"def f(a):\n{new}\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    if a is None:\n        return 1\n    return a", "    return 1 if a is None else a"),
        (
            "    if a is None:\n        return 1\n    return a",
            "    if a is not None:\n        return a\n    return 1",
        ),
        ("    m = g(a)\n    return 1 if m is None else 2", "    m = g(a)\n    return 2 if m else 1"),
        ("    if a:\n        return a is None", "    return a and g(a)"),
        ("    return isinstance(a, str) or isinstance(a, int)", "    return isinstance(a, (str, int))"),
    ],
)
def test_other_forms_of_the_same(old: str, new: str) -> None:
    assert not asks_otherwise(function(f"def f(a):\n{old}\n"), function(f"def f(a):\n{new}\n"))
