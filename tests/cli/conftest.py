"""The command line as a process of its own, the way a person runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Result:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


type Cli = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, database_url: str) -> Cli:
    """Runs `nightcrew` with a home and a database of its own and no key."""
    home = tmp_path / "home"
    home.mkdir()

    def run(*arguments: str, cwd: Path | None = None, stdin: str = "", **env: str) -> Result:
        clean = {
            k: v for k, v in os.environ.items() if not k.startswith(("NIGHTCREW_", "PREFECT_", "OPENROUTER_"))
        }
        done = subprocess.run(
            [sys.executable, "-m", "nightcrew.cli", *arguments],
            capture_output=True,
            text=True,
            cwd=cwd or tmp_path,
            input=stdin,
            timeout=300,
            env=clean | {"NIGHTCREW_HOME": str(home), "NIGHTCREW_DATABASE_URL": database_url} | env,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small git repository with one commit."""
    path = tmp_path / "repository"
    path.mkdir()
    (path / "shop.py").write_text("def add(a, b):\n    return a + b\n")
    for command in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@example.invalid", "commit", "-qm", "first"),
    ):
        subprocess.run(["git", "-C", str(path), *command], check=True)
    return path
