# ruff: noqa: E501 - rows of a table
"""*Lost?*: each row is a kind of loss, or something that only looks like one."""

from pathlib import Path

import pytest

from tests.validation.questions.small import Files, lost

BASE = '''\
"""Slugs."""

from functools import lru_cache

__all__ = ["Slug", "slug", "words", "LIMITS"]
LIMITS = {"short": 10, "long": 80}
NAMES = ("a", "b", "c")


def slug(text, sep="-", *, lower=True):
    """A slug.

    Raises:
        SlugError: it is empty.
    """
    if not text:
        raise SlugError(text)
    return sep.join(text.split())


@lru_cache(maxsize=None)
def words(text, most=10, **options):
    """Its words."""
    return text.split()[:most]


class SlugError(ValueError):
    """Not a slug."""


class Slug(str):
    """A slug with methods."""

    kind = "plain"

    def __init__(self, text, sep="-"):
        self.text = text

    @property
    def parts(self):
        """Its parts."""
        return self.split("-")

    @classmethod
    def of(cls, text):
        """Make one."""
        return cls(text)

    def __eq__(self, other):
        return str(self) == str(other)

    def __hash__(self):
        return hash(str(self))


def main():
    """Run."""
    parser.add_argument("--sep", "-s")


if __name__ == "__main__":
    main()
'''
SHOP = '''\
from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """A price."""

    cents: int
    currency: str = "EUR"


@app.route("/a")
@app.route("/b")
def page():
    """A page."""
'''
PROJECT = """\
[project]
name = "slugs"
license = "MIT"
classifiers = ["Typing :: Typed", "Topic :: Text"]
dependencies = ["idna>=3", "rich"]

[project.scripts]
slug = "slug:main"

[tool.slugs]
limit = 3
"""
WORKFLOW = """\
jobs:
  test:
    steps:
      - uses: actions/checkout@v4
      - run: pip install .
      - name: Test
        run: pytest
  lint:
    steps:
      - run: ruff check .
"""
README = """\
# Slugs

See https://slugs.org/manual and [the licence](LICENSE).

## Usage

    slug("a b")

## Licence

MIT
"""
NOTICE = "# Copyright 2020 Ada\n# SPDX-License-Identifier: MIT\nX = 1\n"


def edit(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def without(text: str, start: str, end: str = "") -> str:
    at = text.index(start)
    return text[:at] + (text[text.index(end, at + 1) :] if end else "")


TYPED = 'from typing import TypeVar\n\nA = TypeVar("A")\n\n\ndef first(values: list[A]) -> A:\n    return values[0]\n'
UNTYPED = TYPED.replace('A = TypeVar("A")\n', "").replace("[A]", "[int]").replace("-> A", "-> int")
GRAMMAR = "class P:\n" + "".join(f"    def p_{one}(self, p):\n        return {one!r}\n" for one in "abcde")
PYTHON = {
    "a function": without(BASE, "@lru_cache", "class SlugError"),
    "a function, for a comment": without(BASE, "@lru_cache", "class SlugError") + "# rest of the file unchanged\n",
    "everything after the fix": without(BASE, "@lru_cache") + "# ... (existing code)\n",
    "a class": without(BASE, "class Slug(str)", "def main"),
    "a method": without(BASE, "    @classmethod", "    def __eq__"),
    "an operator": without(BASE, "    def __eq__", "    def __hash__"),
    "a constant": edit(BASE, 'NAMES = ("a", "b", "c")\n', ""),
    "an entry of a table": edit(BASE, ', "long": 80', ""),
    "an entry of a tuple": edit(BASE, '"a", "b", "c"', '"a", "b"'),
    "a class attribute": edit(BASE, '    kind = "plain"\n', ""),
    "an attribute of instances": edit(BASE, "self.text = text", "pass"),
    "a name of __all__": edit(BASE, '"slug", "words"', '"slug"'),
    "a parameter": edit(BASE, 'sep="-", *, lower', "*, lower"),
    "a keyword": edit(BASE, ", *, lower=True", ""),
    "further keywords": edit(BASE, ", **options", ""),
    "a default": edit(BASE, 'slug(text, sep="-"', "slug(text, sep"),
    "another default": edit(BASE, "most=10", "most=100"),
    "an order": edit(BASE, "(text, most=10,", "(most, text=10,"),
    "by place": edit(BASE, "(text, most=10,", "(text, *, most=10,"),
    "a call without more": edit(BASE, 'slug(text, sep="-",', 'slug(text, mode, sep="-",'),
    "an argument of the constructor": edit(BASE, '__init__(self, text, sep="-")', "__init__(self, text)"),
    "a cache": edit(BASE, "@lru_cache(maxsize=None)\n", ""),
    "a property": edit(BASE, "    @property\n", ""),
    "a class method": edit(BASE, "    @classmethod\n    def of(cls", "    def of(cls"),
    "calling it": edit(BASE, "def words", "async def words"),
    "a base": edit(BASE, "class Slug(str)", "class Slug(object)"),
    "an error's base": edit(BASE, "SlugError(ValueError)", "SlugError(Exception)"),
    "a documented error": edit(BASE, "        raise SlugError(text)", '        return ""'),
    "an error that is caught": edit(
        BASE, "    return sep.join(text.split())",
        "    try:\n        return sep.join(text.split())\n    except SlugError:\n        return None",
    ),
    "a docstring": edit(BASE, '    """Its words."""\n', ""),
    "an option": edit(BASE, '"--sep", ', ""),
    "the script": without(BASE, "if __name__"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PYTHON)
def test_what_python_code_loses_is_named(kind: str, tmp_path: Path) -> None:
    found = lost(tmp_path, {"slugs.py": BASE}, {"slugs.py": PYTHON[kind]})
    assert found, kind
    assert all(one.path == "slugs.py" and one.what for one in found)


STUBBED = "def f(a, b=1):\n    return a\n\n\nclass C:\n    def m(self):\n        return 1\n"
STUB = "def f(a: int, b: int = ...) -> int: ...\n\n\nclass C:\n    def m(self) -> int: ...\n"
OTHERS: dict[str, tuple[Files, Files]] = {
    "frozen": ({"shop.py": SHOP}, {"shop.py": edit(SHOP, "(frozen=True)", "")}),
    "a generated argument": ({"shop.py": SHOP}, {"shop.py": edit(SHOP, '    currency: str = "EUR"\n', "")}),
    "a type variable that is exported": ({"s.py": '__all__ = ["A"]\n' + TYPED}, {"s.py": UNTYPED}),
    "a route": ({"shop.py": SHOP}, {"shop.py": edit(SHOP, '@app.route("/b")\n', "")}),
    "a module": ({"slugs.py": BASE}, {"slugs.py": None}),
    "the licence": ({"LICENSE": "MIT\nAda\n"}, {"LICENSE": None}),
    "a line of the licence": ({"LICENSE": "MIT\nAda\n"}, {"LICENSE": "MIT\n"}),
    "a licence notice": ({"a.py": NOTICE}, {"a.py": "X = 2\n"}),
    "data": ({"shop/data.json": '{"a": 1}'}, {"shop/data.json": None}),
    "a key of data": ({"d.json": '{"a": 1, "b": 2}'}, {"d.json": '{"a": 1}'}),
    "a marker file": ({"shop/py.typed": "partial\n"}, {"shop/py.typed": None}),
    "a script": ({"pyproject.toml": PROJECT}, {"pyproject.toml": edit(PROJECT, 'slug = "slug:main"\n', "")}),
    "a dependency": ({"pyproject.toml": PROJECT}, {"pyproject.toml": edit(PROJECT, ', "rich"', "")}),
    "a classifier": ({"pyproject.toml": PROJECT}, {"pyproject.toml": edit(PROJECT, ', "Topic :: Text"', "")}),
    "a setting": ({"pyproject.toml": PROJECT}, {"pyproject.toml": edit(PROJECT, "limit = 3\n", "")}),
    "sense": ({"pyproject.toml": PROJECT}, {"pyproject.toml": edit(PROJECT, "[project]", "[project")}),
    "a step": ({".github/workflows/ci.yml": WORKFLOW}, {".github/workflows/ci.yml": edit(
        WORKFLOW, "      - name: Test\n        run: pytest\n", "")}),
    "a job": ({".github/workflows/ci.yml": WORKFLOW}, {".github/workflows/ci.yml": without(WORKFLOW, "  lint")}),
    "an ini section": ({"setup.cfg": "[a]\nx = 1\n[b]\ny = 2\n"}, {"setup.cfg": "[a]\nx = 1\n"}),
    "a requirement": ({"requirements.txt": "idna==3\nrich>=1\n"}, {"requirements.txt": "idna==3\n"}),
    "a section": ({"README.md": README}, {"README.md": without(README, "## Licence")}),
    "a link": ({"README.md": README}, {"README.md": edit(README, "https://slugs.org/manual and ", "")}),
    "most of a text": ({"a.sql": "\n".join(f"insert {n};" for n in range(40))}, {"a.sql": "insert 1;\n"}),
    "a make target": ({"Makefile": "test:\n\tpytest\nlint:\n\truff\n"}, {"Makefile": "test:\n\tpytest\n"}),
    "a shell function": ({"a.sh": "go() {\n:\n}\nstop() {\n:\n}\n"}, {"a.sh": "go() {\n:\n}\n"}),
    "an export": ({"a.js": "export function f() {}\nexport const g = 1\n"}, {"a.js": "export const g = 1\n"}),
    "what a package gives on": ({"p/__init__.py": "from .a import f, g\n"}, {"p/__init__.py": "from .a import f\n"}),
    "a function whose name stands for other things too": (
        {"s.py": "def retry():\n    return 1\n", "b.py": "retry = 3\nprint(retry, job.retry)\n"}, {"s.py": "X = 1\n"}),
    "a method that code calls by its name": (
        {"s.py": GRAMMAR, "b.py": "parser.p_e(1)\n"}, {"s.py": GRAMMAR.replace("p_e", "p_e_1")}),
    "a method of a pattern": ({"s.py": GRAMMAR}, {"s.py": GRAMMAR.replace("p_e", "other_e")}),
    "what a new stub leaves out": ({"p.py": STUBBED}, {"p.pyi": "from typing import Any\ndef __getattr__(name: str) -> Any: ...\n"}),
    "a method that a new stub leaves out": ({"p.py": STUBBED}, {"p.pyi": "def f(a: int, b: int = ...) -> int: ...\nclass C: ...\n"}),
    "a call that only the stub allows": ({"p.py": STUBBED}, {"p.pyi": STUB.replace("b: int", "c: int")}),
    "what only the stub declares": ({"p.py": STUBBED, "p.pyi": STUB}, {"p.pyi": f"{STUB}def g() -> int: ...\n"}),
    "all of a module at once": ({"p.py": f"__all__ = ['f']\n{STUBBED}"}, {"p.py": f"__all__ = ['f', 'g']\n{STUBBED}"}),
    "a type": ({"p.pyi": "def f(a: int = ...) -> int: ...\n"}, {"p.pyi": "def f() -> int: ...\n"}),
    "an elision in a document": ({"README.md": README}, {"README.md": "# Slugs\n\n<!-- rest of the document unchanged -->\n"}),
    "an elision in a script": ({"a.sh": "a\nb\nc\n"}, {"a.sh": "a\n# ... existing code remains the same ...\n"}),
    "data that a test names": ({"tests/data/a.txt": "x\n"}, {"tests/data/a.txt": None}),
}  # fmt: skip
USER = {"tests/test_data.py": 'DATA = open("data/a.txt")\n'}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_other_files_lose_is_named(kind: str, tmp_path: Path) -> None:
    before, after = OTHERS[kind]
    assert lost(tmp_path, before, after, rest=USER), kind


KEPT: dict[str, tuple[Files, Files]] = {
    "a stub that says what the module has": ({"p.py": STUBBED}, {"p.pyi": STUB}),
    "a stub of overloads": ({"p.py": "def f(a):\n    return a\n"}, {"p.pyi": "@overload\ndef f(a: int) -> int: ...\n@overload\ndef f(a: str) -> str: ...\n"}),
    "a module that a package names in __all__": (
        {"p/__init__.py": "__all__ = ['f']\nf = 1\n", "p/g.py": "X = 1\n"}, {"p/__init__.py": "__all__ = ['f', 'g']\nf = 1\n"}),
    "what a module makes on access": (
        {"p.py": "__all__ = ['f']\nf = 1\n"}, {"p.py": "__all__ = ['f', 'g']\nf = 1\ndef __getattr__(name): return 1\n"}),
    "another body": ({"s.py": BASE}, {"s.py": edit(BASE, "text.split()[:most]", "text.split(None)[:most]")}),
    "one more parameter": ({"s.py": BASE}, {"s.py": edit(BASE, "lower=True", "lower=True, strip=False")}),
    "one more entry": ({"s.py": BASE}, {"s.py": edit(BASE, '"long": 80', '"long": 80, "huge": 900')}),
    "another entry": ({"s.py": BASE}, {"s.py": edit(BASE, '("a", "b", "c")', '("a", "b", "d")')}),
    "a cache by another name": ({"s.py": BASE}, {"s.py": edit(edit(
        BASE, "import lru_cache", "import cache"), "@lru_cache(maxsize=None)", "@cache")}),
    "a cached property": ({"s.py": BASE}, {"s.py": edit(BASE, "@property", "@cached_property")}),
    "a default that no call can share": ({"s.py": "def f(a=[]):\n    pass\n"}, {"s.py": "def f(a=None):\n    pass\n"}),
    "a base that is one too": ({"s.py": "class E(Exception):\n    pass\n"}, {"s.py": "class E(ValueError):\n    pass\n"}),
    "a move with a name left behind": ({"p/a.py": "def f():\n    return 1\n"}, {
        "p/a.py": "from p.b import f\n", "p/b.py": "def f():\n    return 1\n"}),
    "an alias left behind": ({"s.py": "def old():\n    return 1\n"}, {
        "s.py": "def new():\n    return 1\n\n\nold = new\n"}),
    "a deprecated name": ({"s.py": "OLD = 1\n"}, {
        "s.py": "NEW = 1\n\n\ndef __getattr__(name):\n    if name == 'OLD':\n        return NEW\n    raise AttributeError(name)\n"}),
    "a module that becomes a package": ({"p/a.py": BASE}, {"p/a.py": None, "p/a/__init__.py": BASE}),
    "a method that is inherited": ({"s.py": "class A:\n    def f(self):\n        return 1\n"}, {
        "s.py": "class B:\n    def f(self):\n        return 1\n\n\nclass A(B):\n    pass\n"}),
    "a method of a builtin base": ({"s.py": "class A(dict):\n    def get(self, k):\n        return 1\n"}, {
        "s.py": "class A(dict):\n    pass\n"}),
    "a constructor that is generated": ({"s.py": "class A:\n    def __init__(self, x, y=1):\n        self.x, self.y = x, y\n"}, {
        "s.py": "from dataclasses import dataclass\n\n\n@dataclass\nclass A:\n    x: int\n    y: int = 1\n"}),
    "a helper with its only user": ({"s.py": "def _a():\n    return h()\n\n\ndef h():\n    return 1\n"}, {
        "s.py": "def _a():\n    return 1\n"}),
    "a helper that another module imports": (
        {"s.py": "def h():\n    return 1\n", "b.py": "from s import h\n\nX = h()\n"}, {"s.py": "X = 1\n", "b.py": "X = 1\n"}),
    "a method that is called by its pattern": (
        {"s.py": GRAMMAR}, {"s.py": GRAMMAR.replace("p_e", "p_e_1") + "    def p_e_2(self, p):\n        return 7\n"}),
    "a type variable": ({"s.py": TYPED}, {"s.py": UNTYPED}),
    "a private name": ({"s.py": "def _f():\n    return 1\n\n\ndef g():\n    return _f()\n"}, {
        "s.py": "def g():\n    return 1\n"}),
    "an import that nobody shares": ({"s.py": "import os\nimport re\nX = re\n"}, {"s.py": "import re\nX = re\n"}),
    "a requirement of another version": ({"requirements.txt": "idna==3\n"}, {"requirements.txt": "idna>=3.1\n"}),
    "a newer action": ({".github/workflows/ci.yml": WORKFLOW}, {".github/workflows/ci.yml": edit(WORKFLOW, "@v4", "@v5")}),
    "another heading": ({"README.md": README}, {"README.md": edit(README, "## Usage", "## How to use it")}),
    "a section that is written anew": ({"README.md": README + "\n## Requirements\n\nPython 3.9 and no library\n"}, {
        "README.md": README + "\nSlugs needs Python 3.9 and no other library.\n"}),
    "a link of a note": ({"CHANGES.rst": "1.1\n---\n\n- Fix (https://a.org/1)\n- Add (https://a.org/2)\n"}, {
        "CHANGES.rst": "1.1\n---\n\n- Fix (https://a.org/1)\n"}),
    "another link": ({"README.md": README}, {"README.md": edit(README, "slugs.org/manual", "docs.slugs.org")}),
    "one more year": ({"LICENSE": "Copyright (c) 2020 Ada\n"}, {"LICENSE": "Copyright (c) 2020-2026 Ada\n"}),
    "a file that moves": ({"docs/a.md": README}, {"docs/a.md": None, "docs/guide/a.md": README}),
    "a test file that moves": ({"tests/test_a.py": BASE}, {"tests/test_a.py": None, "tests/unit/test_a.py": BASE}),
    "a comment about the rest": ({"s.py": "X = 1\n"}, {"s.py": "X = 1\n# the rest of the file unchanged here\nY = 2\n"}),
    "data of tests that nobody names": ({"tests/data/old.txt": "x\n"}, {"tests/data/old.txt": None}),
    "an operator that Python makes up": ({"s.py": BASE + "\n\nclass T:\n    def __ne__(self, o):\n        return 1\n"}, {
        "s.py": BASE + "\n\nclass T:\n    pass\n"}),
    "another route handler's decorator": ({"s.py": "@old_style\ndef f():\n    pass\n"}, {"s.py": "@new_style\ndef f():\n    pass\n"}),
    "a key that moves": ({"p.toml": "[a]\nx = 1\ny = 2\n"}, {"p.toml": "[a]\nx = 1\n[b]\ny = 2\n"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KEPT)
def test_what_only_looks_like_a_loss_is_none(kind: str, tmp_path: Path) -> None:
    before, after = KEPT[kind]
    assert lost(tmp_path, before, after) == []


@pytest.mark.parametrize(
    "asked",
    [
        "Remove the deprecated function `words`.",
        "words is obsolete; clean up.\n\n- drop words from slugs.py",
        "Rename words to split_words",
    ],
)
def test_a_text_may_ask_for_the_removal(asked: str, tmp_path: Path) -> None:
    assert lost(tmp_path, {"slugs.py": BASE}, {"slugs.py": PYTHON["a function"]}, asked=asked) == []


@pytest.mark.parametrize(
    "asked",
    [
        "Fix words.",
        "Remove the trailing dash. Also see words.",
        "Do not remove words.",
        "Remove slug.",
    ],
)
def test_a_text_that_asks_for_something_else_does_not(asked: str, tmp_path: Path) -> None:
    assert lost(tmp_path, {"slugs.py": BASE}, {"slugs.py": PYTHON["a function"]}, asked=asked)


def test_a_private_name_that_others_import_is_missed(tmp_path: Path) -> None:
    before, after = {"p/a.py": "def _f():\n    return 1\n"}, {"p/a.py": "X = 1\n"}
    assert lost(tmp_path, before, after, rest={"p/b.py": "from p.a import _f\n"})


def test_a_change_of_a_signature_says_both(tmp_path: Path) -> None:
    (found,) = lost(tmp_path, {"slugs.py": BASE}, {"slugs.py": PYTHON["another default"]})
    assert (found.before, found.after) == (
        "def words(text, most=10, **options)", "def words(text, most=100, **options)",
    )  # fmt: skip
    assert found.what == "words has another default for 'most': 100 instead of 10"


COMMENTED = "".join(f"# about {name}\n{name} = {{'a': 1}}\n\n" for name in "abcdefgh")


def test_comments_stay_with_their_code(tmp_path: Path) -> None:
    bare = "\n".join(line for line in COMMENTED.split("\n") if not line.startswith("#"))
    (found,) = lost(tmp_path, {"a.py": COMMENTED}, {"a.py": bare.replace("1", "2", 1)})
    assert "8 of 8 comments are gone" in found.what


def test_comments_go_with_their_code(tmp_path: Path) -> None:
    assert lost(tmp_path, {"a.py": COMMENTED}, {"a.py": COMMENTED.replace("# about a\n", "")}) == []


def test_types_in_comments_may_become_annotations(tmp_path: Path) -> None:
    types = COMMENTED.replace("# about", "# type: dict  #")
    assert lost(tmp_path, {"a.py": types}, {"a.py": types.replace("# type: dict  #", "b: dict #")}) == []


def test_the_slots_of_a_class_are_missed(tmp_path: Path) -> None:
    before = "class Box:\n    __slots__ = ()\n\n    def f(self):\n        return 1\n"
    (found,) = lost(tmp_path, {"a.py": before}, {"a.py": before.replace("    __slots__ = ()\n", "")})
    assert "__slots__" in found.what
