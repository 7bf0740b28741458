"""One HTTP exchange with a wall-clock limit, which also ends when it is cancelled.

httpx only limits single reads, so a slow sender could go on forever. Therefore a separate thread reads, and
the caller waits at most until the limit.
"""

import logging
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from nightcrew.errors import Transient
from nightcrew.openrouter.wire.connections import Connection, ConnectionPool

log = logging.getLogger(__name__)

IDLE_SECONDS = 120.0  # without any data, or longer where a call is given more; its caller limits the whole
IDLE_SHARE = 2 / 3  # of a call's limit: an answer that is not streamed comes at once, after all its thinking
MAX_BODY_BYTES = 32 * 1024 * 1024


class NoReply(Transient):
    """There is no reply; `fault` is the fault's name in the recovery table."""

    def __init__(self, fault: str, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.fault = fault
        self.sent = sent  # True: it may have been processed and billed


class Cancellation:
    """Cancels the calls that were started with it, at once and for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._running: set[Exchange] = set()

    def cancel(self) -> None:
        """End every running call as `abandoned`, and every later one before it is sent."""
        with self._lock:
            self._cancelled = True
            running = list(self._running)
        for exchange in running:
            exchange.cancel()

    def add(self, exchange: "Exchange") -> None:
        """Register a call."""
        with self._lock:
            self._running.add(exchange)
            cancelled = self._cancelled
        if cancelled:
            exchange.cancel()

    def remove(self, exchange: "Exchange") -> None:
        """Remove an ended call."""
        with self._lock:
            self._running.discard(exchange)


class Exchange:
    """One request, read by its own thread, so that the wall-clock limit always holds."""

    def __init__(
        self, pool: ConnectionPool, request: httpx.Request, wall_seconds: float, cancellation: Cancellation
    ) -> None:
        self._pool, self._request = pool, request
        self._deadline = time.monotonic() + wall_seconds
        self._wall_seconds = wall_seconds
        self._cancellation = cancellation
        self._parts: queue.SimpleQueue[httpx.Response | bytes | NoReply | None] = queue.SimpleQueue()
        self._given_up = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._connection: Connection | None = None  # while this exchange uses it
        self._sent = False
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def start(self) -> None:
        """Send the request and wait for the reply's head."""
        self._cancellation.add(self)
        if not self._given_up.is_set():
            self._sent = True  # from here on it may have been received and billed, whatever happens
            threading.Thread(target=self._read, daemon=True, name="upstream").start()
        head = self._next()
        if not isinstance(head, httpx.Response):
            raise NoReply("connection_lost", "the connection closed without a reply", sent=True)
        self.status, self.headers = head.status_code, head.headers

    def is_complete(self, *, within_seconds: float) -> bool:
        """True as soon as the reply has ended, or failed; False if it still goes on after so long."""
        return self._ended.wait(within_seconds)

    def chunks(self) -> Iterator[bytes]:
        """The parts of the body as they arrive."""
        while True:
            part = self._next()
            if not isinstance(part, bytes):
                return
            yield part

    def abandon(self) -> None:
        """Close the connection that the reading thread uses."""
        self._cancellation.remove(self)
        with self._lock:
            self._given_up.set()
            if self._connection is not None:
                self._connection.hang_up()

    def cancel(self) -> None:
        """End the call for the waiting thread."""
        # Before the connection is closed: the reading thread would otherwise report it as lost first.
        self._parts.put(NoReply("abandoned", "given up", sent=self._sent))
        self.abandon()

    def _next(self) -> httpx.Response | bytes | None:
        try:
            part = self._parts.get(timeout=max(0.0, self._deadline - time.monotonic()))
        except queue.Empty:
            self.abandon()
            raise NoReply("timeout", f"no complete answer in {self._wall_seconds:.0f} s", sent=True) from None
        if isinstance(part, NoReply):
            self._cancellation.remove(self)
            raise part
        if part is None:
            self._cancellation.remove(self)
        return part

    def _read(self) -> None:
        try:
            with self._pool.take() as connection, self._holding(connection):
                response = connection.send(self._request)
                try:
                    self._parts.put(response)
                    self._read_body(response)
                finally:
                    response.close()
        except httpx.HTTPError as error:
            self._parts.put(no_reply(error))
        except Exception as error:  # passed on to the waiting thread
            log.debug("reading a reply failed", exc_info=True)
            self._parts.put(NoReply("connection_lost", f"reading failed: {type(error).__name__}", sent=True))
        else:
            self._parts.put(None)
        self._ended.set()

    @contextmanager
    def _holding(self, connection: Connection) -> Iterator[None]:
        """While this lasts, cancelling closes the connection; afterwards another exchange may use it."""
        with self._lock:
            if self._given_up.is_set():
                raise httpx.ReadError("given up")
            self._connection = connection
        try:
            yield
        finally:
            with self._lock:
                self._connection = None

    def _read_body(self, response: httpx.Response) -> None:
        size = 0
        for part in response.iter_bytes():
            size += len(part)
            if self._given_up.is_set() or size > MAX_BODY_BYTES:
                raise httpx.ReadError("given up")
            self._parts.put(part)


def no_reply(error: httpx.HTTPError) -> NoReply:
    """The fault by the exception's type only, as its text may quote the request."""
    kind = type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        return NoReply("connection_failed", f"cannot connect ({kind})", sent=False)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return NoReply("connection_failed", f"the request could not be sent ({kind})", sent=False)
    if isinstance(error, httpx.TimeoutException):
        return NoReply("timeout", f"no data arrived for too long ({kind})", sent=True)
    return NoReply("connection_lost", f"the connection broke ({kind})", sent=True)
