"""Signed events: forged, old and repeated ones are refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from nightcrew.errors import BadInput
from nightcrew.signature import MOST_AGE, Receiver, is_signed, signature
from nightcrew.testing.github.webhooks import signature as as_github_signs

SECRET = "a secret of sixteen"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def event(identity: str = "1", at: datetime = NOW) -> bytes:
    return json.dumps({"id": identity, "at": at.isoformat(), "event": "nightcrew.task.completed"}).encode()


def test_it_is_signed_as_github_signs() -> None:
    assert signature(SECRET, event()) == as_github_signs(SECRET, event())
    assert is_signed(SECRET, event(), signature(SECRET, event()))
    assert not is_signed(SECRET, event(), "sha256=\udcff")


def test_an_event_is_read_once() -> None:
    receiver = Receiver(SECRET)
    found = receiver.read(event(), signature(SECRET, event()), NOW)
    assert found["event"] == "nightcrew.task.completed"
    with pytest.raises(BadInput, match="read before"):
        receiver.read(event(), signature(SECRET, event()), NOW)
    assert receiver.read(event("2"), signature(SECRET, event("2")), NOW)["id"] == "2"


@pytest.mark.parametrize(
    ("body", "secret", "why"),
    [
        (event(), "another secret of it", "not signed"),
        (event(at=NOW - MOST_AGE - timedelta(seconds=1)), SECRET, "too long ago"),
        (event(at=NOW.replace(tzinfo=None)), SECRET, "too long ago"),
        (b"{}", SECRET, "no id"),
        (b"[" * 100_000, SECRET, "no id"),
    ],
)
def test_what_is_refused(body: bytes, secret: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        Receiver(SECRET).read(body, signature(secret, body), NOW)
