# ruff: noqa: E501 - rows of a table
"""How a name that is still defined has changed for those who use it."""

import ast

import pytest

from nightcrew.validation.questions.differences import differences
from nightcrew.validation.questions.surface import surface


def found(before: str, after: str) -> list[str]:
    old, new = surface(ast.parse(before)).items, surface(ast.parse(after)).items
    return [loss.what for name in old if name in new for loss in differences(name, old[name], new[name])]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("def f(): ...", "async def f(): ...", "f has to be awaited now"),
        ("async def f(): ...", "def f(): ...", ""),
        ("class A:\n    def f(self): ...", "class A:\n    @property\n    def f(self): ...", "A.f cannot be called any more"),
        ("def f():\n    'Says.'", "def f(): ...", "the docstring of f is gone"),
        ("class A:\n    'Says.'", "class A: ...", "the docstring of A is gone"),
        ("class A: ...", "def A(): ...", "A is not a class any more"),
        ("class A: ...", "A = make()", ""),
        ("class A(B): ...", "class A: ...", "A is no B any more"),
        ("class A(Exception): ...", "class A(ValueError): ...", ""),  # which is one
        ("class A(object): ...", "class A: ...", ""),
        ("class A(metaclass=M): ...", "class A: ...", "A is declared without metaclass now"),
        ("@dataclass(frozen=True)\nclass A: ...", "@dataclass\nclass A: ...", "A is not frozen any more"),
        ("@cache\ndef f(): ...", "def f(): ...", "f is not decorated with @cache any more"),
        ("@cache\ndef f(): ...", "@lru_cache\ndef f(): ...", ""),
        ("@override\ndef f(): ...", "def f(): ...", ""),
        ("@route('/a')\n@route('/b')\ndef f(): ...", "@route('/a')\ndef f(): ...", "@route('/b') any more"),
        ("TABLE = {'a': 1, 'b': 2}", "TABLE = {'a': 1}", "TABLE does not have 'b' any more"),
        ("TABLE = {'a': 1, 'b': 2}", "TABLE = {'a': 1, 'c': 2}", ""),  # another one replaces it
        ("TABLE = frozenset({1, 2})", "TABLE = frozenset({1})", "TABLE does not have 2 any more"),
        ("@dataclass\nclass A:\n    x: int\n    y: int = 1", "@dataclass\nclass A:\n    x: int", "A has no parameter 'y' any more"),
    ],
)  # fmt: skip
def test_what_users_would_notice(before: str, after: str, what: str) -> None:
    shown = found(before, after)
    assert bool(shown) is bool(what), shown
    assert not what or what in shown[0]
