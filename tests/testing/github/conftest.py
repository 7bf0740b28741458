"""One twin of GitHub for the room's tests, and a repository with one commit."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightcrew.testing.github.state import EVERYTHING, Repository
from nightcrew.testing.github.twin import GitHubTwin
from tests.execution.conftest import git, make_repo

TOKEN = "ghp_" + "a1b2c3d4e5f6" * 3


@dataclass
class Place:
    """A repository on the twin, the local one that it came from, and a client with a token."""

    twin: GitHubTwin
    repository: Repository
    local: Path
    token: str
    client: httpx.Client

    @property
    def path(self) -> str:
        return f"repos/{self.repository.full_name}"

    @property
    def address(self) -> str:
        return self.twin.address(self.repository, self.token)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        return self.client.request(method, f"{self.path}{path}", json=body, headers=headers)

    def made(self, path: str, **body: Any) -> Any:
        answer = self.call("POST", path, body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def push(self, branch: str, name: str = "new.txt", text: str = "new\n") -> str:
        """Push a branch with one commit on top of main; returns the commit."""
        git(self.local, "checkout", "--quiet", "-B", branch, "main")
        (self.local / name).write_text(text)
        git(self.local, "add", "--all")
        git(self.local, "commit", "--quiet", "--message", f"add {name}")
        git(self.local, "push", "--quiet", "--force", self.address, branch)
        return git(self.local, "rev-parse", "HEAD").strip()


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubTwin]:
    os.umask(0o022)
    with GitHubTwin(tmp_path_factory.mktemp("twin")) as running:
        yield running


_numbers = itertools.count(1)


@pytest.fixture
def place(twin: GitHubTwin, tmp_path: Path) -> Iterator[Place]:
    number = next(_numbers)
    token = f"{TOKEN}{number}"
    twin.hub.give_token(token, "octo", EVERYTHING)
    repository = twin.hub.create(f"octo/shop-{number}")
    local = make_repo(tmp_path / "local", {"shop.py": "price = 1\n"})
    git(local, "push", "--quiet", twin.address(repository, token), "HEAD:refs/heads/main")
    git(local, "checkout", "--quiet", "-B", "main")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=twin.base_url, headers=headers) as client:
        yield Place(twin, repository, local, token, client)
