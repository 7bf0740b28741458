# ruff: noqa: E501 - rows of a table
"""What ruff finds new in a change, and on what a person may decide."""

import json
from collections import Counter
from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.gates.ruff_findings import _findings, _oldest_python, only_described
from nightcrew.validation.gates.static import Static
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import make_house


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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from __future__ import annotations\ndef f(x: A) -> B:\n    y: C = x\n", "ABC"),
        ("from __future__ import annotations\ndef f(x: A):\n    return A\n", ""),
        ("from __future__ import division\ndef f(x: A):\n    return x\n", ""),
    ],
)
def test_names_that_no_python_looks_up(text: str, names: str) -> None:
    assert only_described(text) >= {f"Undefined name `{one}`" for one in names}
    assert bool(only_described(text)) is bool(names)


CARELESS = {
    "a file that stays open": ("def f(p):\n    file = open(p)\n    return file.read()\n", "SIM115"),
    "a file that is opened for another call": ("def f(p):\n    return g(open(p))\n", "SIM115"),
    "a default that calls share": ("def f(x, seen=[]):\n    seen.append(x)\n    return seen\n", "B006"),
    "an error that an end hides": (
        "def f(x):\n    try:\n        return g(x)\n    finally:\n        return 1\n",
        "B012",
    ),
    "newer than its oldest Python": (
        "def f(x):\n    match x:\n        case 1:\n            return 2\n",
        "3.9",
    ),
    "nothing of these": ("def f(p):\n    with open(p) as file:\n        return file.read()\n", ""),
}


@pytest.mark.parametrize(("text", "word"), CARELESS.values(), ids=CARELESS)
def test_what_no_test_of_values_notices(
    text: str, word: str, tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    files = {
        "p.py": "def g(x):\n    return x\n",
        "pyproject.toml": '[project]\nname = "p"\nrequires-python = ">=3.9"\n',
    }
    house = make_house(tmp_path / "repo", settings, sandbox, files)
    found = house.ask(Static(), {"p.py": files["p.py"] + text}, house.task(TaskType.BUG_FIX, "p.py"))
    assert (found.outcome is GateOutcome.PASS) == (not word), found.message
    assert word in found.message
    assert found.is_unproven == (found.evidence.get("rule", "invalid-syntax") != "invalid-syntax")


NAMED = {
    "an undefined name": ("class Words(dict):\n    def all(self):\n        return WORD\n", "Undefined name `WORD`"),
    "in a class inside": ("class Words(dict):\n    class Inner:\n        def all(self):\n            return WORD\n", "Undefined name `WORD`"),
    "in a class of nothing": ("class Words:\n    all = WORD\n", "Undefined name `WORD`"),
    "a metaclass may give it": ("from lexer import Lexer\n\n\nclass Words(Lexer):\n    tokens = {WORD}\n\n"
                                "    @_(r'\\d+')\n    def NUMBER(self, t):\n        return t\n", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), NAMED.values(), ids=NAMED)
def test_names_that_importing_a_class_decides_on(
    text: str, message: str, tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    files = {"lexer.py": "class Lexer:\n    pass\n", "p.py": ""}
    house = make_house(tmp_path / "repo", settings, sandbox, files)
    found = house.ask(Static(), {"p.py": text}, house.task(TaskType.BUG_FIX, "p.py"))
    assert (found.outcome is GateOutcome.FAIL) == bool(message), found.message
    assert message in found.message
    assert not found.is_unproven
