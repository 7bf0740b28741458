"""Connections that another thread can close, even before the other side has sent anything.

httpx only exposes a connection's socket with the reply's head, which arrives with the last token if the reply
is not streamed. If the connection stayed open until then, the model would go on working and billing.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

log = logging.getLogger(__name__)


class Connection:
    """A client with one keep-alive connection, for one request at a time."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._stream: Any = None  # httpcore's
        self._hung_up = False

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send the request; returns the reply's head, with its body unread."""
        request.extensions["trace"] = self._note
        return self.client.send(request, stream=True)

    def hang_up(self) -> None:
        """Abort the request at once; its sender gets an error."""
        with self._lock:
            self._hung_up = True
            self._shut()

    def renew(self) -> None:
        """Prepare the connection for its next user."""
        self._hung_up = False

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            with self._lock:
                self._stream = info["return_value"]
                if self._hung_up:
                    self._shut()

    def _shut(self) -> None:
        connection = self._stream.get_extra_info("socket") if self._stream is not None else None
        if isinstance(connection, socket.socket | ssl.SSLSocket):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("the connection was closed already")


class ConnectionPool:
    """A pool with as many connections as are used at once; `make_client` creates the client of a new one."""

    def __init__(self, make_client: Callable[[], httpx.Client]) -> None:
        self._make_client = make_client
        self._free: list[Connection] = []

    @contextmanager
    def take(self) -> Iterator[Connection]:
        """A connection for one request: the one used last, which is most likely still open."""
        try:
            connection = self._free.pop()
        except IndexError:
            connection = Connection(self._make_client())
        connection.renew()
        try:
            yield connection
        finally:
            self._free.append(connection)

    def close(self) -> None:
        """Close the idle connections."""
        while self._free:
            self._free.pop().client.close()
