"""A small repository, an environment for it and a sandbox: built once, real."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.execution.environments.environment import Environment, build_environment
from nightcrew.execution.sandbox import Sandbox, open_sandbox
from nightcrew.settings import SandboxKind, Settings
from nightcrew.target_config import TargetConfig

FILES = {
    "README.md": "# Example\n",
    "AGENTS.md": "Write short functions.\n",
    ".gitignore": "ignored/\n",
    "src/shop/__init__.py": "",
    "src/shop/prices.py": (
        '"""Prices."""\n\nfrom shop.tax import rate\n\n\n'
        "def total(amount: float, country: str) -> float:\n    return amount * (1 + rate(country))\n"
    ),
    "src/shop/tax.py": 'def rate(country: str) -> float:\n    return {"A": 0.5}.get(country, 0.25)\n',
    "tests/test_tax.py": 'from shop.tax import rate\n\n\ndef test_rate():\n    assert rate("A") == 0.5\n',
}


def git(repo: Path, *words: str) -> str:
    """Git as the user runs it."""
    who = ("-c", "user.name=Crew", "-c", "user.email=crew@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *words], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit_all(repo: Path, message: str = "change") -> str:
    """Commit everything in the tree; the commit's id."""
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(repo, "rev-parse", "HEAD")


def make_repo(folder: Path, files: dict[str, str] | None = None) -> Path:
    """A repository with one commit."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    for name, text in (FILES if files is None else files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    commit_all(folder, "start")
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo")


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return open_sandbox(SandboxKind.BUBBLEWRAP)


@pytest.fixture(scope="session")
def crew_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("home")


@pytest.fixture
def settings(crew_home: Path) -> Settings:
    return Settings(home=crew_home, attempt_seconds=120)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, crew_home: Path, sandbox: Sandbox) -> Environment:
    plain = tmp_path_factory.mktemp("plain")
    return build_environment(plain, TargetConfig(), Settings(home=crew_home), sandbox)
