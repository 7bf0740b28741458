"""`nightcrew verify-staged` as a hook of a real `git commit`: it sees what would be committed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.commands.changes.test_verify import SLUG, TESTS, git

HOOK: dict[str, Any] = yaml.safe_load((Path(__file__).parents[4] / ".pre-commit-hooks.yaml").read_text())[0]


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with code and tests, in which the hook runs before each commit."""
    folder = tmp_path_factory.mktemp("hooked") / "slugs"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    hook = folder / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nexec {Path(sys.executable).parent}/{HOOK["entry"]} "$@"\n')
    hook.chmod(0o755)
    (folder / "slug.py").write_text(SLUG)
    (folder / "test_slug.py").write_text(TESTS)
    git(folder, "add", "-A")
    result = commit(folder)
    assert result.returncode == 0 and "first commit" in result.stdout + result.stderr
    return folder


def commit(repo: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    env = os.environ | {"HOME": str(repo.parent / "home"), "NIGHTCREW_HOME": str(repo.parent / "crew")}
    return subprocess.run(
        ["git", *identity, "commit", "-m", "change", *words],
        cwd=repo, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def put_back(repo: Path) -> None:
    git(repo, "reset", "-q", "--hard")


def test_tests_that_are_weakened_are_not_committed(repo: Path) -> None:
    """Also with `git commit -a`, for which git makes another index."""
    (repo / "test_slug.py").write_text(TESTS.replace("assert slug(text) == made", "assert True"))
    refused = commit(repo, "-a")
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "tamper" in refused.stdout + refused.stderr or "assertions" in refused.stdout + refused.stderr
    put_back(repo)


def test_what_is_not_staged_does_not_count(repo: Path) -> None:
    (repo / "test_slug.py").write_text("")
    (repo / "more.py").write_text('def twice(text):\n    """The text, two times."""\n    return text * 2\n')
    (repo / "picture.png").write_bytes(b"\x89PNG\x00\x00")
    git(repo, "add", "more.py", "picture.png")
    done = commit(repo)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No objection" in done.stdout + done.stderr and "accepted" not in done.stdout + done.stderr
    put_back(repo)


def test_a_commit_without_text_is_no_matter_of_the_hook(repo: Path) -> None:
    done = commit(repo, "--allow-empty")
    assert done.returncode == 0 and "No text is staged" in done.stdout + done.stderr
