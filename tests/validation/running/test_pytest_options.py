"""A repository's own way of finding and running its tests is kept; what would stop the rig is left out."""

import subprocess
import sys
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
    result = options(tmp_path, files, changed, command)
    assert [one for one in result if one.startswith("python_files=")] == ([wanted] if wanted else [])


def test_settings_of_plugins_that_are_left_out_stop_nothing(tmp_path: Path) -> None:
    ini = "[pytest]\naddopts = --strict-config --strict-markers --timeout 5\ntimeout = 5\n"
    result = options(tmp_path, {"pytest.ini": ini, "test_a.py": TESTS})
    assert result[result.index("-W") + 1] == "ignore::pytest.PytestConfigWarning"
    assert "--strict-markers" in result
    assert not {"--strict-config", "--timeout"} & set(result)


STRICT = """[pytest]
addopts = --strict-markers
required_plugins = pytest-timeout
strict_config = true
filterwarnings = error
timeout = 5
"""


@pytest.mark.parametrize(("mark", "passes"), [("timeout(5)", True), ("tmeout(5)", False)])
def test_a_mark_of_a_plugin_that_is_left_out_is_known_and_no_other(
    tmp_path: Path, mark: str, passes: bool
) -> None:
    text = f"import pytest\n\n@pytest.mark.{mark}\ndef test_one():\n    pass\n"
    result = options(tmp_path, {"pytest.ini": STRICT, "test_a.py": text})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *result]
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, check=False)
    assert (done.returncode == 0) is passes, done.stdout


def test_a_project_that_is_a_plugin_is_found_by_sessions_that_its_tests_start(tmp_path: Path) -> None:
    own = "[project]\nname = 'shop'\n[project.entry-points.pytest11]\nshop = 'shop.plugin'\n"
    for name, entry in (("cov", "pytest_cov = pytest_cov.plugin"), ("mock", "pytest_mock = pytest_mock")):
        info = tmp_path / f"env/lib/python3.12/site-packages/{name}.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(f"[pytest11]\n{entry}\n")
    result = options(tmp_path, {"pyproject.toml": own, "test_a.py": TESTS})
    named = [result[index + 1] for index, word in enumerate(result) if word == "-p"]
    assert "no:pytest_cov" in named
    assert all(name.startswith("no:") for name in named)
