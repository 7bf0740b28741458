"""What has no effect is left out of a tree: docstrings, annotations, and imports for them."""

import ast

import pytest

from nightcrew.validation.reading.form import (
    behaving,
    bodies,
    is_declaration,
    names_in,
    plain_statements,
)

SPACE = "from argparse import Namespace\nclass A(Namespace):\n"


def form(text: str) -> str:
    tree = behaving(text)
    assert tree is not None
    return ast.unparse(tree)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(a):\n    return a\n", 'def f(a: int) -> int:\n    """Says."""\n    return a\n'),
        ("x = 1\n", "x: int = 1\n"),
        ("import os\nx = os\n", "import os\nfrom typing import Any\nx: Any = os\n"),
        ("from typing import cast\nx = y\n", "from typing import cast\nx = cast(int, y)\n"),
        ("def f():\n    g()\n", "def f():\n    pass\n    g()\n"),
        ("x = 1\n", "from __future__ import annotations\nx = 1\n"),
        ("", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\nx: TYPE_CHECKING\n"),
        (
            "def f(a):\n    return a\n",
            "from typing import Union as U\nA = U[int, str]\nB = list[A]\ndef f(a: A)->'B':\n    return a\n",
        ),
        ("class A:\n    x = 1\n", "class A:\n    y: int\n    x = 1\n"),
        (
            f"{SPACE}    x: int\nclass B(A):\n    y: int\n",
            f"{SPACE}    x: list[int]\nclass B(A):\n    y: str\n",
        ),
        (
            "from typing import overload\ndef f(a):\n    return a\n",
            "from typing import overload\n@overload\ndef f(a: int): ...\ndef f(a):\n    return a\n",
        ),
    ],
)
def test_equal_forms(one: str, other: str) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(a):\n    return a\n", "def f(a=None):\n    return a\n"),
        ("class A(Base):\n    x: int\n", "class A(Base):\n    x: str\n"),  # a base may read annotations
        (f"{SPACE}    x: int\nA.__annotations__\n", f"{SPACE}    x: str\nA.__annotations__\n"),
        (
            "from typing import NamedTuple as N\nclass A(N):\n    x: int\n",
            "from typing import NamedTuple as N\nclass A(N):\n    x: int\n    y: int\n",
        ),
        ("@task\ndef f(a: int): return a\n", "@task\ndef f(a: str): return a\n"),  # so may a decorator
        ('"""One."""\nprint(__doc__)\n', '"""Other."""\nprint(__doc__)\n'),
        ("import a\n", "import b\n"),
        ("def f(a): return a\n", "One = made()\ndef f(a: One): return a\n"),  # a call may do anything
        ("def f(a): return g\n", "g = list[int]\ndef f(a: g): return g\n"),
    ],
)
def test_other_forms(one: str, other: str) -> None:
    assert form(one) != form(other)


def test_text_that_is_not_python_has_no_form() -> None:
    assert behaving("def (") is None
    assert plain_statements("def (") == {}


def test_plain_statements_have_their_lines() -> None:
    found = plain_statements("x = 1\nif y:\n    x = 1\n    z(\n        2)\n")
    assert sorted(sorted(lines) for lines in found.values()) == [[1, 3], [4, 5]]


def test_names_also_in_quoted_annotations() -> None:
    assert names_in(ast.parse('x: "list[a.B]" = y')) >= {"x", "y", "list", "a", "B"}


@pytest.mark.parametrize("text", ["type A = int", "T = TypeVar('T')", "__all__ = ['a']", "__all__ += ['a']"])
def test_declarations(text: str) -> None:
    assert is_declaration(ast.parse(text).body[0])


@pytest.mark.parametrize("text", ["A = 1", "A = make('A')", "__all__ == x"])
def test_other_statements_declare_nothing(text: str) -> None:
    assert not is_declaration(ast.parse(text).body[0])


OLD = """
import os
LIMIT = 3

def f(a):
    return a + LIMIT

class C:
    def g(self):
        return f(1)
"""


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("a + LIMIT", "a - LIMIT", ["f"]),
        ("f(1)", "f(2)", ["g"]),
        ("return a", '"""Says."""\n    return a', []),
        ("return f(1)", "return helper(1)\n\ndef helper(x):\n    return x", ["g"]),
        ("import os", "import os\nimport re", []),
        ("LIMIT = 3", "LIMIT = 3\nMOST = 4", []),
    ],
)
def test_edits_inside_of_functions(old: str, new: str, names: list[str]) -> None:
    found = bodies(OLD, OLD.replace(old, new))
    assert found is not None
    assert [body.old.name for body in found if body.is_edited] == names


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("def f(a)", "def f(a=1)"),
        ("def f(a)", "@cache\ndef f(a)"),
        ("    def g(self)", "    def __eq__(self, other):\n        return True\n\n    def g(self)"),
        ("import os", "import os as f"),
        ("import os", "from os import *"),
        ("import os", "import os\nregister(1)"),
        ("LIMIT = 3", "LIMIT = 3\n\ndef __getattr__(name):\n    return 1"),
        ("class C", "@known\ndef h():\n    pass\n\nclass C"),
        ("a + LIMIT", "a + LIMIT)"),
    ],
)
def test_edits_that_other_code_may_notice(old: str, new: str) -> None:
    assert bodies(OLD, OLD.replace(old, new)) is None


def test_a_new_or_deleted_file_is_no_edit_of_functions() -> None:
    assert bodies(None, OLD) is None
    assert bodies(OLD, None) is None
