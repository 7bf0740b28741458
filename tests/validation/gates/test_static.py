# ruff: noqa: E501 - rows of a table
"""What static checks read: imports, encodings, modules on disk, types."""

import ast
from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.gates.static import (
    Static,
    _imports,
    _is_module,
    _other_encoding,
    _syntax,
)
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import make_house


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("import a.b, c as d\nfrom e.f import g", {"a.b", "c", "e.f"}),
        ("def f():\n    import late", {"late"}),
        ("from . import a\nfrom .b import c", set()),  # the package's own
        ("try:\n    import fast\nexcept ImportError:\n    import slow", set()),
        ("if x:\n    import a", set()),
    ],
)
def test_imports_that_have_to_be_there(text: str, modules: set[str]) -> None:
    assert _imports(ast.parse(text)) == modules


def python(after: str, before: str | None = None) -> Change:
    return Change("a.py", before, after)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (python("x = 1\n"), ""),
        (python("\ufeffx = 1\n"), ""),
        (python("# -*- coding: utf-8 -*-\nx = 1\n"), ""),
        (python("# -*- coding: utf-7 -*-\nx = 1\n"), "declares the encoding 'utf-7'"),
        (python("# coding: latin-1\nx = 1\n", "# coding: latin-1\nx = 2\n"), ""),
        (python("# coding: nonsense\nx = 1\n"), "declares the encoding 'unknown"),
    ],
)
def test_encodings_with_which_python_reads_another_text(change: Change, problem: str) -> None:
    found = _other_encoding(change)
    assert problem in found
    assert bool(found) is bool(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("x = 1\n", ""), ("def f(:\n", "not valid Python"), ("x = '\udc80'\n", "not UTF-8"), ("\x00", "not valid Python"),
     ("return 1\n", "not valid Python"), ("x = " + "(" * 300 + ")" * 300, "not valid Python")],
)  # fmt: skip
def test_text_that_is_no_python(text: str, problem: str) -> None:
    found = _syntax(python(text))
    assert problem in found
    assert bool(found) is bool(problem)


def test_modules_on_disk(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    for name in (
        "module.py",
        "native.cpython-312-x86_64-linux-gnu.so",
        "other.cpython-38-x86_64.so",
        "data.txt",
    ):
        (tmp_path / name).touch()
    there = ("package", "module", "native", "other", "data", "missing")
    assert [name for name in there if _is_module(tmp_path, name)] == ["package", "module", "native", "other"]


def test_a_person_may_decide_on_a_type_error_where_the_project_checks_no_types(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    text = "def same(number: int) -> int:\n    return number\n"
    house = make_house(tmp_path / "repo", settings, sandbox, {"p.py": text})
    change: dict[str, str | None] = {"p.py": text.replace("return number", "return str(number)")}
    found = house.ask(Static(), change, house.task(TaskType.BUG_FIX, "p.py"))
    assert (found.outcome, found.is_unproven) == (GateOutcome.FAIL, True), found.message
    assert "plain mypy" in found.message
