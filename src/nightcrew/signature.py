"""Signed events: how a body is signed, and how a receiver tells forged, old and repeated ones."""

import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from nightcrew.errors import BadInput

HEADER = "X-Hub-Signature-256"  # of GitHub, so that programs that check its events can check ours
MOST_AGE = timedelta(minutes=5)
_MOST_IDS = 10_000


def signature(secret: str, body: bytes) -> str:
    """The value of the header for this body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def is_signed(secret: str, body: bytes, given: str) -> bool:
    """True if `given` is the value of the header for this body and secret."""
    return hmac.compare_digest(signature(secret, body).encode(), given.encode(errors="replace"))


class Receiver:
    """What a program needs that gets the crew's events: each one is handed out once.

    It remembers in memory which ones it has seen, and refuses older ones than `MOST_AGE` by their time.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._seen: OrderedDict[str, None] = OrderedDict()

    def read(self, body: bytes, given: str, now: datetime | None = None) -> Mapping[str, str]:
        """The event: `id`, `at`, `event`, `task` and `message`.

        Raises:
            BadInput: it is not signed with the secret, too old, or was read before.
        """
        if not is_signed(self._secret, body, given):
            raise BadInput("the event is not signed with the secret")
        try:
            found: Mapping[str, str] = json.loads(body)
            identity, at = str(found["id"]), datetime.fromisoformat(found["at"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BadInput("the event has no id or no time") from None
        if at.tzinfo is None or abs((now or datetime.now(UTC)) - at) > MOST_AGE:
            raise BadInput(f"the event is from {found['at']}, which is too long ago")
        if identity in self._seen:
            raise BadInput("the event was read before")
        self._seen[identity] = None
        if len(self._seen) > _MOST_IDS:
            self._seen.popitem(last=False)
        return found
