# ruff: noqa: E501 - rows of a table
"""What static checks read: imports, encodings, modules on disk, and ruff's findings."""

import ast
import json
from collections import Counter
from pathlib import Path

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.gates.static import (
    _findings,
    _imports,
    _is_module,
    _oldest_python,
    _other_encoding,
    _syntax,
)


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


def test_findings_are_counted_by_file() -> None:
    row = {"filename": "/workspace/new/a.py", "code": "F821", "message": "undefined"}
    rows = [row, row, {**row, "code": None, "message": "syntax"}, {**row, "filename": "/tmp/tree/old/a.py"}]
    assert _findings(json.dumps(rows).encode(), ("/workspace", "/tmp/tree")) == {
        "new/a.py": Counter({("F821", "undefined"): 2, ("syntax", "syntax"): 1}),
        "old/a.py": Counter({("F821", "undefined"): 1}),
    }


@pytest.mark.parametrize(
    ("name", "text", "oldest"),
    [
        ("pyproject.toml", '[project]\nname = "a"\nrequires-python = ">=3.9,!=3.9.1"\n', "py39"),
        ("pyproject.toml", '[project]\nname = "a"\nrequires-python = "three"\n', "py312"),
        ("setup.cfg", "[options]\npython_requires = >=2.7,!=3.0.*\n", "py37"),
        ("setup.py", "from setuptools import setup\n\nsetup(name='a', python_requires='~=3.8')\n", "py38"),
        ("setup.py", "from setuptools import setup\n\nsetup(name='a')\n", "py312"),
    ],
)
def test_the_oldest_python_that_a_project_runs_on(name: str, text: str, oldest: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert _oldest_python(tmp_path) == oldest
