"""A repository's own way of finding and running its tests is kept; what would stop the rig is left out."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.test_command import TestCommand, read_test_command
from nightcrew.validation.change.change import Change
from nightcrew.validation.running.pytest_options import _plugin_options

TESTS = "import unittest\n\n\nclass NameTest(unittest.TestCase):\n    def test_one(self):\n        pass\n"
ALL = "python_files=test_*.py *_test.py test*.py"


def options(base: Path, files: dict[str, str], changed: str = "", command: str = "") -> list[str]:
    """The options for a repository with these files."""
    for path, text in files.items():
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(text)
    tree = SimpleNamespace(python={path: text for path, text in files.items() if path.endswith(".py")})
    room: Any = SimpleNamespace(
        base=base, root="", base_tree=tree, patched_tree=tree,
        config=SimpleNamespace(command=read_test_command(command) if command else TestCommand()),
        environment=SimpleNamespace(path=base / "env"), changes=(Change(changed, None, TESTS),),
    )  # fmt: skip
    return _plugin_options(room)


@pytest.mark.parametrize(
    ("files", "changed", "command", "wanted"),
    [
        ({"tests.py": TESTS}, "", "", ALL),
        ({"shop/tests.py": TESTS, "test_a.py": TESTS}, "", "", ""),
        ({"shop/tests.py": TESTS, "test_a.py": TESTS}, "shop/tests.py", "", ALL),
        ({"tests/testshop.py": TESTS}, "", "", ALL),
        ({"tests/test_a.py": TESTS, "tests/testing.py": "X = 1\n"}, "", "", ""),
        ({"tests.py": TESTS, "pytest.ini": "[pytest]\npython_files = check_*.py\n"}, "", "", ""),
        ({"tests.py": TESTS, "pyproject.toml": '[tool.pytest]\npython_files = ["a.py"]\n'}, "", "", ""),
        ({"tests.py": TESTS}, "", "python -m unittest discover", "python_files=test*.py"),
        ({"tests.py": TESTS}, "", "pytest -x --strict-markers", ALL),
    ],
)
def test_files_that_unittest_alone_would_find_are_found(
    tmp_path: Path, files: dict[str, str], changed: str, command: str, wanted: str
) -> None:
    told = options(tmp_path, files, changed, command)
    assert [one for one in told if one.startswith("python_files=")] == ([wanted] if wanted else [])


def test_settings_of_plugins_that_are_left_out_stop_nothing(tmp_path: Path) -> None:
    ini = "[pytest]\naddopts = --strict-config --strict-markers --timeout 5\ntimeout = 5\n"
    told = options(tmp_path, {"pytest.ini": ini, "test_a.py": TESTS})
    assert told[told.index("-W") + 1] == "ignore::pytest.PytestConfigWarning"
    assert "--strict-markers" in told
    assert not {"--strict-config", "--timeout"} & set(told)
