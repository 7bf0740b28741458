"""Measures of code, and in words what got worse or better by a refactoring."""

import ast

import pytest

from nightcrew.validation.reading.measures import (
    Measures,
    complexity,
    measure,
    repeats,
    what_got_better,
    what_got_worse,
)
from nightcrew.validation.reading.suite import all_functions

BRANCHY = (
    "def f(a, b):\n    if a and b:\n        return 1\n    for x in a:\n        if x:\n            return 2\n"
)
BLOCK = "    a = g()\n    b = h(a)\n    c = b + 1\n    d = c * 2\n    return d\n"


def test_paths_through_a_function() -> None:
    (node,) = ast.parse(BRANCHY).body
    assert isinstance(node, ast.FunctionDef)
    assert complexity(node) == 5  # two conditions, one `and`, one loop, and the way straight through


def test_repeated_statements_are_counted() -> None:
    once, twice = (measure([f"def f():\n{BLOCK}"]), measure([f"def f():\n{BLOCK}\n\ndef g():\n{BLOCK}"]))
    assert once.duplicated == 0
    assert twice.duplicated == 8  # two runs of four
    assert twice.statements == 2 * once.statements


def measures(worst: int = 5, mean: float = 3.0, statements: int = 100, duplicated: int = 0) -> Measures:
    return Measures(worst, mean, statements, duplicated)


def test_what_got_worse() -> None:
    assert what_got_worse(measures(), measures()) == ""
    assert "5 to 6 paths" in what_got_worse(measures(), measures(worst=6))
    assert "3.6 paths each" in what_got_worse(measures(), measures(mean=3.6))
    assert what_got_worse(measures(), measures(statements=147)) == ""  # extracting functions adds a few
    assert "100 to 148 statements" in what_got_worse(measures(), measures(statements=148))
    assert "4 statements are repeated" in what_got_worse(measures(), measures(duplicated=4))


def test_what_got_better() -> None:
    assert what_got_better(measures(), measures()) == ""
    assert "4 paths instead of 5" in what_got_better(measures(), measures(worst=4))
    assert "2 fewer statements" in what_got_better(measures(duplicated=6), measures(duplicated=4))
    assert "10 statements shorter" in what_got_better(measures(), measures(statements=90))
    assert "2.5 paths each" in what_got_better(measures(), measures(mean=2.5))


@pytest.mark.parametrize(
    ("body", "is_repeated"),
    [
        ("for a in x:\n        g(a)", False),
        ("return sorted(x)", False),
        ("return [g(a) for a in x]", False),
        ("return [h(a) for a in x]", True),
        ("return [a for a in x if a in y]", True),
        ("for a in x:\n        y.remove(a)", True),
        ("for a in x:\n        y += a", True),
        ("while x:\n        x = x[1:]", True),
        ("return [a + b for a in x for b in x]", True),
        ("return [[b for b in x] for a in x]", True),
    ],
)
def test_what_may_look_at_all_of_its_input_for_each_item(body: str, is_repeated: bool) -> None:
    node = all_functions(ast.parse(f"def f(x, y):\n    {body}\n"))["f"]
    assert repeats(node, {"h"}) is is_repeated
