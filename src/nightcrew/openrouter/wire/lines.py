"""Connections that can be hung up from another thread, also while the other side has not said anything yet.

httpx shows a connection's socket with the reply's head only, and a model that is not streamed sends its head
with its last word. Left open until then, it would go on working, and billing, for nobody.
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


class Line:
    """A client with one connection, kept alive; for one request at a time."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._stream: Any = None  # httpcore's
        self._hung_up = False

    def send(self, request: httpx.Request) -> httpx.Response:
        """The reply's head, its body unread."""
        request.extensions["trace"] = self._note
        return self.client.send(request, stream=True)

    def hang_up(self) -> None:
        """Breaks the request off at once, whatever it waits for; whoever sent it gets an error."""
        with self._lock:
            self._hung_up = True
            self._shut()

    def renew(self) -> None:
        """The line is given to the next one."""
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


class Lines:
    """As many lines as are used at once; `make_client` makes the client of a new one."""

    def __init__(self, make_client: Callable[[], httpx.Client]) -> None:
        self._make_client = make_client
        self._free: list[Line] = []

    @contextmanager
    def take(self) -> Iterator[Line]:
        """A line for one request; the one that was used last, whose connection is most likely alive."""
        try:
            line = self._free.pop()
        except IndexError:
            line = Line(self._make_client())
        line.renew()
        try:
            yield line
        finally:
            self._free.append(line)

    def close(self) -> None:
        """Closes the connections that are not in use."""
        while self._free:
            self._free.pop().client.close()
