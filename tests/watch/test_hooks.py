"""Webhooks: what is not signed starts nothing, and the same event starts nothing twice."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from nightcrew.settings import Settings
from nightcrew.testing.github.webhooks import signature
from nightcrew.watch import watched
from nightcrew.watch.hooks import MOST_BYTES, hooks
from nightcrew.watch.terms import hook_key

REPO = "https://github.com/octo/shop"
LABELED = json.dumps({"action": "labeled"}).encode()


class Door:
    """The receiver, and what it started."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.secret = watched.make_hook_secret(settings, REPO).get_secret_value()
        self.started: list[tuple[str, str]] = []
        self.client = TestClient(hooks(settings, self._start))

    def _start(self, key: str, digest: str) -> str:
        self.started.append((key, digest))
        return "looking"

    def send(
        self, body: bytes, *, event: str = "issues", key: str = hook_key(REPO), signed: str | None = None
    ) -> int:
        headers = {"X-GitHub-Event": event, "X-Hub-Signature-256": signed or signature(self.secret, body)}
        answer = self.client.post(f"{watched.HOOKS}{key}", content=body, headers=headers)
        return int(answer.status_code)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(Settings(home=tmp_path))


def test_a_signed_event_starts_a_look(door: Door) -> None:
    assert door.send(LABELED) == 202
    assert [key for key, _ in door.started] == [hook_key(REPO)]


@pytest.mark.parametrize("signed", ["sha256=", "sha256=00", "sha1=ab", "none", signature("other", LABELED)])
def test_a_forged_event_starts_nothing(door: Door, signed: str) -> None:
    assert door.send(LABELED, signed=signed) == 401
    assert door.send(LABELED + b" ", signed=signature(door.secret, LABELED)) == 401
    assert door.started == []


def test_an_event_that_is_sent_again_has_the_same_reason(door: Door) -> None:
    """Prefect starts one run for each reason (`tests/flows/test_watch_repository`)."""
    assert door.send(LABELED) == door.send(LABELED) == 202
    assert len(set(door.started)) == 1


def test_unknown_repositories_and_other_methods_are_refused(door: Door) -> None:
    assert door.send(LABELED, key="ab" * 12) == 404
    assert door.send(LABELED, key="../../secrets/x") in {404}
    assert door.client.get(f"{watched.HOOKS}{hook_key(REPO)}").status_code == 405
    assert door.started == []


def test_what_is_too_large_is_not_read(door: Door) -> None:
    assert door.send(b"x" * (MOST_BYTES + 1)) == 413 and door.started == []


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("push", b"{}"),
        ("ping", b"{}"),
        ("issues", b"[" * 100_000),
        ("issues", b'{"action": "assigned"}'),
        ("issue_comment", b'{"action": "created", "comment": {"body": "thanks"}}'),
        ("issue_comment", b'{"comment": 7}'),
    ],
)
def test_events_after_which_there_is_nothing_to_see_start_nothing(
    door: Door, event: str, body: bytes
) -> None:
    assert door.send(body, event=event) == 202 and door.started == []


def test_the_secret_is_in_one_private_file(door: Door) -> None:
    holders = [
        path for path in door.settings.home.rglob("*") if path.is_file() and door.secret in path.read_text()
    ]
    assert len(holders) == 1 and holders[0].stat().st_mode & 0o077 == 0
