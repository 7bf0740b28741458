# ruff: noqa: E501
"""Functions that only look different are the same; functions that do something else never are."""

import ast

import pytest

from nightcrew.validation.reading.same_code import normal_form, same_function
from nightcrew.validation.reading.suite import Function


def function(text: str) -> Function:
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    return node


SAME = [
    ("def f(a):\n    x = a + 1\n    return x * x\n", "def f(a):\n    y = a + 1\n    return y * y\n"),
    ("def f(a):\n    x = g(a)\n    return x\n", "def f(a):\n    return g(a)\n"),
    ("def f(a):\n    x = g(a)\n    y = x\n    return y\n", "def f(a):\n    return g(a)\n"),
    ("def f(a):\n    if a:\n        return 1\n    else:\n        return 2\n", "def f(a):\n    return 1 if a else 2\n"),
    ("def f(a, b):\n    if a:\n        if b:\n            g()\n", "def f(a, b):\n    if a and b:\n        g()\n"),
    ('def f(a):\n    "Old."\n    return a\n', 'def f(a):\n    "New."\n    return a\n'),
]  # fmt: skip
OTHER = [
    ("def f(a):\n    return a + 1\n", "def f(a):\n    return a - 1\n"),
    ("def f(a):\n    return a < 3\n", "def f(a):\n    return a <= 3\n"),
    ("def f(a, b):\n    return a and b\n", "def f(a, b):\n    return a or b\n"),
    ("def f(a):\n    x = 1\n    return g\n", "def f(a):\n    x = 1\n    return h\n"),
    ("def f(a):\n    return a\n", "def f(b):\n    return b\n"),
    ("def f(a):\n    x, y = a\n    return x\n", "def f(a):\n    x, y = a\n    return y\n"),
    ("def f(a):\n    x = g(a)\n    return x\n", "def f(a):\n    x = g(a)\n    return y\n"),
    ("def f():\n    global x\n    x = 1\n    return x\n", "def f():\n    global y\n    y = 1\n    return y\n"),
    ("def f(a, b):\n    if a:\n        if b:\n            g()\n    else:\n        h()\n", "def f(a, b):\n    if a and b:\n        g()\n    else:\n        h()\n"),
    ("def f():\n    x = 1\n    try:\n        x = g()\n        return x\n    finally:\n        h(x)\n", "def f():\n    x = 1\n    try:\n        return g()\n    finally:\n        h(x)\n"),
    ("def f():\n    x = 1\n    return locals()\n", "def f():\n    y = 1\n    return locals()\n"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SAME)
def test_looks_do_not_matter(old: str, new: str) -> None:
    assert same_function(function(old), function(new))


@pytest.mark.parametrize(("old", "new"), OTHER)
def test_what_is_done_matters(old: str, new: str) -> None:
    assert not same_function(function(old), function(new))


def test_a_copy_is_recognised_under_any_names() -> None:
    one = function("def f(text, n=2):\n    zeta = text * n\n    alpha = zeta[1:]\n    return alpha\n")
    other = function("def g(a, b=2):\n    c = a * b\n    d = c[1:]\n    return d\n")
    assert normal_form(one, arguments=True) == normal_form(other, arguments=True)
