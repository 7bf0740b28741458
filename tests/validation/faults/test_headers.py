"""The header of a function or a class, before and after: what is noted to be taken back."""

import ast

import pytest

from nightcrew.validation.faults.parts import parts_of

BODY = "\n    return 1\n"


def taken_back(before: str, after: str) -> list[tuple[str, str]]:
    """What stands in the new text, and what would stand there instead."""
    return [(one.before, one.text) for one in parts_of(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (f"def f(a):{BODY}", f"def f(a, b=1):{BODY}", [("def f(a, b=1):", "def f(a):"), ("b", "_b")]),
        ("def f(a): return g(a)", "def f(a, b): return g(a)\n", [("def f(a, b):", "def f(a):"), ("b", "_b")]),
        ("def f(a): return g(a)", "def f(a, b): return g(a, b)\n", [
            ("def f(a, b):", "def f(a):"), ("g(a, b)", "g(a)")]),
        ("def f(a): raise A", "def f(a, b): raise A\n", [("def f(a, b):", "def f(a):")]),
        (f"def f(a=1):{BODY}", f"def f(a=2):{BODY}", [("2", "1")]),
        (f"def f(*, a=1):{BODY}", f"def f(*, a=None):{BODY}", [("None", "1")]),
        (f"def f():{BODY}", f"@cache\ndef f():{BODY}", [("@cache", "")]),
        (f"@cache\ndef f():{BODY}", f"def f():{BODY}", [("", "@cache\n")]),
        (f"@cache(1)\ndef f():{BODY}", f"@cache(2)\ndef f():{BODY}", [("2", "1")]),
        ("class A:\n    x = 1\n", "class A(B):\n    x = 1\n", [("class A(B):", "class A:")]),
        ("@dataclass\nclass A:\n    x = 1\n", "@dataclass(frozen=True)\nclass A:\n    x = 1\n",
         [("dataclass(frozen=True)", "dataclass")]),
        (f"def f(a):{BODY}", f"def f(a: int) -> int:{BODY}", []),  # annotations have no effect
    ],
)  # fmt: skip
def test_headers(before: str, after: str, found: list[tuple[str, str]]) -> None:
    assert taken_back(before, after) == found
    for part in parts_of(before, after):
        ast.parse(part.apply(after))


def test_a_line_that_stood_outside_of_the_try_can_stand_behind_it() -> None:
    before = "def f(x):\n    a, b = x.split()\n    g(int(a), b)\n"
    after = """def f(x):
    try:
        a, b = x.split()
        g(int(a), b)
    except ValueError:
        pass
"""
    found = [one.apply(after) for one in parts_of(before, after)]
    assert after.replace("g(int(a), b)", "pass") + "    else:\n        g(int(a), b)\n" in found
    # What the function did not have before has no place of its own.
    assert not any("else:" in one.text for one in parts_of("def f(x):\n    return 1\n", after))
