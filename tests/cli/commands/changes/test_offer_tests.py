"""Staged files without tests are named, and nothing that is missing blocks a commit."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nightcrew.cli.app import app
from nightcrew.cli.commands.changes import offer_tests
from tests.execution.conftest import make_repo

__all__ = ["offer_tests"]

FILES = {
    "shop/price.py": "x = 1\n",
    "shop/stock.py": "y = 1\n",
    "shop/label.py": "z = 1\n",
    "shop/__init__.py": "",
    "tests/test_price.py": "from shop import stock\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", FILES)


def offered(repo: Path, *words: str) -> dict[str, object]:
    ended = CliRunner().invoke(app, ["offer-tests", "--json", "--repo", str(repo), *words])
    assert ended.exit_code == 0, ended.output
    found: dict[str, object] = json.loads(ended.stdout)
    return found


def test_a_module_that_no_test_names_is_offered(repo: Path) -> None:
    assert offered(repo, *FILES, "README.md")["without_tests"] == ["shop/label.py"]
    assert offered(repo, "shop/label.py", "tests/test_label.py")["without_tests"] == []


def test_what_is_missing_blocks_nothing(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered(tmp_path, "shop/label.py")["without_tests"] == []
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    found = offered(repo, "shop/label.py", "--submit")["submitted"]
    assert isinstance(found, dict) and "No task was submitted" in found["shop/label.py"]
