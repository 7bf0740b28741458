"""A watched repository on the twin of GitHub, and the crew that watches it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightcrew.address import without_secret
from nightcrew.crew.dispatch import open_queue
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.watch.look import Looked, look
from nightcrew.watch.terms import Watch
from tests.testing.github.conftest import Place, place, twin

__all__ = ["Watched", "place", "twin", "watched"]


@dataclass
class Watched:
    """What people do on the twin, and what the crew makes of it."""

    place: Place
    settings: Settings
    watch: Watch
    tokens: dict[str, str] = field(default_factory=dict)

    def by(self, login: str, role: str = "") -> httpx.Client:
        """A client of somebody who is there, with a role in the repository if one is given."""
        token = f"ghp_{login}{self.place.repository.id}"
        self.place.twin.hub.give_token(token, login)
        if role:
            self.place.repository.collaborators[login] = role
        return httpx.Client(
            base_url=f"{self.place.twin.base_url}/{self.place.path}",
            headers={"Authorization": f"Bearer {token}"},
        )

    def issue(self, who: httpx.Client, title: str = "Prices are wrong", **more: Any) -> int:
        return int(who.post("/issues", json={"title": title, **more}).raise_for_status().json()["number"])

    def comment(self, who: httpx.Client, issue: int, text: str) -> None:
        who.post(f"/issues/{issue}/comments", json={"body": text}).raise_for_status()

    def comments(self, issue: int) -> list[str]:
        """Our comments on an issue."""
        found = self.place.call("GET", f"/issues/{issue}/comments").json()
        return [
            one["body"]
            for one in found
            if one["user"]["login"] == "octo" and one["body"].startswith("<!-- nightcrew")
        ]

    def look(self) -> Looked:
        return look(self.settings, self.watch)

    def tasks(self) -> list[QueuedTask]:
        with open_queue(self.settings) as queue:
            return list(queue.list(repo=self.watch.repo))


@pytest.fixture
def watched(place: Place, tmp_path: Path, database_url: str) -> Watched:
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    settings.home.mkdir()
    address, credential = without_secret(place.address)
    assert credential is not None
    Credentials(settings.credentials_dir).keep(address, credential)
    return Watched(place, settings, Watch(repo=address))
