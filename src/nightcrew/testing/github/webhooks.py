"""Webhooks of the twin of GitHub: events, signed as GitHub signs them, sent to one's own machine."""

import hashlib
import hmac
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from nightcrew.address import is_own_machine
from nightcrew.testing.github.state import Hook

log = logging.getLogger(__name__)

_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to a webhook."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def delivery(hook: Hook, event: str, payload: Mapping[str, Any]) -> Delivery:
    """What is sent to the webhook: the same body gives the same signature."""
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/nightcrew-twin",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-GitHub-Hook-ID": str(hook.id),
    }
    if hook.secret:
        headers["X-Hub-Signature-256"] = signature(hook.secret, body)
    return Delivery(hook.url, headers, body)


def send(one: Delivery) -> int:
    """The status of the answer; 0 if there is none. Nothing is sent to other machines."""
    parts = urlsplit(one.url)
    if not is_own_machine(one.url) or parts.hostname is None:
        log.warning("no event is sent to %s, which is not on this machine", parts.hostname)
        return 0
    connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=_SECONDS)
    try:
        connection.request("POST", parts.path or "/", one.body, dict(one.headers))
        return connection.getresponse().status
    except (OSError, HTTPException) as error:
        log.warning("the webhook %s does not answer: %s", one.url, error)
        return 0
    finally:
        connection.close()
