"""Base's text with the new names of its locals does exactly what base's does."""

import pytest

from nightcrew.validation.reading.same_code import with_names_of

RENAMED = {
    "a local": ("    a = x\n    return a\n", "    b = x\n    return b\n"),
    "a keyword stays": ("    a = x\n    g(a=a)\n", "    b = x\n    g(a=b)\n"),
    "in an inner function": ("    a = x\n    return lambda: a\n", "    b = x\n    return lambda: b\n"),
}


@pytest.mark.parametrize(("before", "after"), RENAMED.values(), ids=RENAMED)
def test_locals_get_their_new_names(before: str, after: str) -> None:
    head = "def f(x):\n    é = 'é'; g(é)\n"
    assert with_names_of(head + before, head + after) == head + after


KEPT = {
    "a parameter": ("def f(a):\n    return a\n", "def f(b):\n    return b\n"),
    "a name that base uses": (
        "def f():\n    a = g()\n    return a\n",
        "def f():\n    g = g()\n    return g\n",
    ),
    "two names that change places": (
        "def f(x):\n    a = x\n    b = g(x)\n    return a\n",
        "def f(x):\n    b = x\n    a = g(x)\n    return b\n",
    ),
    "a global": ("def f():\n    global a\n    a = 1\n", "def f():\n    b = 1\n"),
    "names that are read": (
        "def f():\n    a = 1\n    return locals()\n",
        "def f():\n    b = 1\n    return locals()\n",
    ),
    "a field": ("def f():\n    class A:\n        a = 1\n", "def f():\n    class A:\n        b = 1\n"),
    "what another name means elsewhere": (
        "def f(x):\n    a = x\n    g(a)\n    h(a)\n    return a\n",
        "def f(x):\n    a = x\n    b = i(a)\n    g(b)\n    h(a)\n    return a\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), KEPT.values(), ids=KEPT)
def test_no_other_name_changes(before: str, after: str) -> None:
    assert with_names_of(before, after) == before
