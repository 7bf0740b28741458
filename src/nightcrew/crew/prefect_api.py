"""The few calls to the crew's Prefect server that must be fast: plain HTTP, without importing Prefect."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from nightcrew.errors import BadInput, Transient


class PrefectApi:
    """A client of one Prefect server; `url` ends in `/api`, `auth` is `user:password` or None."""

    def __init__(self, url: str, *, auth: str | None = None, timeout_seconds: float = 15.0) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout_seconds
        self._headers = {"Content-Type": "application/json"}
        if auth:
            self._headers["Authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"

    def healthy(self) -> bool:
        """True if the server answers."""
        try:
            return self.get("/health") is True
        except (Transient, BadInput):
            return False

    def get(self, path: str) -> Any:
        """The JSON at `path`; None for status 404."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any] | Sequence[Any]) -> Any:
        """The JSON answer to posting `body` to `path`; None for status 404."""
        return self._call("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer to patching `path` with `body`; None for status 404."""
        return self._call("PATCH", path, body)

    def delete(self, path: str) -> None:
        """Delete what is at `path`; nothing happens where there is nothing."""
        self._call("DELETE", path, None)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | Sequence[Any] | None) -> Any:
        if not self.url:
            raise Transient("no Prefect server of this crew is running")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=self._headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as reply:  # noqa: S310
                text = reply.read()
            return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            text = error.read().decode(errors="replace")[:500]
            if error.code in {409, 422}:
                raise BadInput(f"Prefect refused {path}: {text}") from None
            raise Transient(f"Prefect answered {error.code} to {path}: {text}") from None
        except (OSError, ValueError) as error:
            raise Transient(f"the Prefect server at {self.url} cannot be reached: {error}") from None
