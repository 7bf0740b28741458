"""Checks an account's address and key, and adds the key to requests; it is shown nowhere."""

import hashlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from nightcrew.errors import BadInput


def account_name(base_url: str, api_key: SecretStr | None) -> str:
    """The name of this key's account at this endpoint."""
    key = checked_key(api_key)
    text = f"{checked_url(base_url)}\n{key.get_secret_value() if key else ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Bearer(httpx.Auth):
    """Adds the key to a request at the last moment, so that no header dict holds it before."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """Add the Authorization header."""
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        yield request


def checked_url(base_url: str) -> str:
    """The address without a trailing slash.

    Raises:
        BadInput: it is not an http(s) URL, or contains a key.
    """
    parts = urlsplit(base_url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput("base_url must be an http(s) address such as https://openrouter.ai/api/v1")
    if parts.username or parts.password:
        raise BadInput("base_url must not contain a key; set OPENROUTER_API_KEY instead")
    return base_url.strip().rstrip("/")


def checked_key(key: SecretStr | None) -> SecretStr | None:
    """The key; None if it is empty.

    Raises:
        BadInput: it has invalid characters.
    """
    value = key.get_secret_value().strip() if key is not None else ""
    if not value:
        return None
    # Checked here because h11 quotes a header that it refuses, and with it the key.
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise BadInput("the API key contains invalid characters; copy it again")
    return SecretStr(value)
