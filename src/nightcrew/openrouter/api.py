"""OpenRouter over HTTP, or any OpenAI-compatible endpoint: models, key, chat. The only user of httpx.

It sends and reads; it decides nothing. A reply of any status is handed over as it is; only where there is
none does it raise. The key is put on the wire here and appears in no text that leaves this module.
"""

import hashlib
import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import httpx
from pydantic import SecretStr, ValidationError

from nightcrew.errors import AccountStopped, BadInput, Transient
from nightcrew.openrouter.replies import (
    KeyInfo,
    ListedModel,
    find_error,
    parse_json,
    read_trouble,
    to_decimal,
)
from nightcrew.queue.state_store import utc_now

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 120.0  # silence on an open connection; the cap of a whole call is the caller's
LIST_SECONDS = 30.0
MAX_BODY_BYTES = 32 * 1024 * 1024
SHORTEST_SECRET = 16  # shorter ones are words such as "none" or "ollama", which answers may contain
_MAX_PAGES = 50


class NoReply(Transient):
    """There is no reply to hand over; `fault` names the form as the recovery table does."""

    def __init__(self, fault: str, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.fault = fault
        self.sent = sent  # True: the request may have been worked on, and billed


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply. `body` None: no JSON object; then `text` holds its beginning."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any] | None
    text: str = ""

    @property
    def failed(self) -> bool:
        """True if it reports an error, whatever its HTTP status says."""
        return self.status >= 400 or self.body is None or find_error(self.body)


class Cancellation:
    """Gives up the calls that were started with it, at once; for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._running: set[_Exchange] = set()

    def cancel(self) -> None:
        """Ends every running call as `abandoned`, and every later one before it is sent."""
        with self._lock:
            self._cancelled = True
            running = list(self._running)
        for exchange in running:
            exchange.cancel()

    def add(self, exchange: "_Exchange") -> None:
        """Puts a call under this."""
        with self._lock:
            self._running.add(exchange)
            cancelled = self._cancelled
        if cancelled:
            exchange.cancel()

    def remove(self, exchange: "_Exchange") -> None:
        """The call is over."""
        with self._lock:
            self._running.discard(exchange)


class OpenRouterApi:
    """One account at one endpoint; safe to share between threads, a context manager.

    Raises:
        BadInput: the address or the key cannot be used at all.
    """

    def __init__(self, base_url: str, api_key: SecretStr | None) -> None:
        self.base_url = _checked_url(base_url)
        self._key = _checked_key(api_key)
        self._client = httpx.Client(
            auth=_Bearer(self._key) if self._key else None,
            timeout=httpx.Timeout(IDLE_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
            headers={"X-Title": "Nightcrew"},
        )

    def __repr__(self) -> str:
        return f"OpenRouterApi({self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    @property
    def account(self) -> str:
        """A name for the account that quota and faults are kept under; says nothing about the key."""
        return account_name(self.base_url, self._key)

    def models(self) -> tuple[ListedModel, ...]:
        """Every model that is offered, over all pages; records that cannot be read are left out.

        Raises:
            Transient: no list came. AccountStopped: the key is refused.
        """
        found: list[ListedModel] = []
        path = f"{self.base_url}/models"
        for _ in range(_MAX_PAGES):
            body = self._get(path)
            found.extend(_listed(body))
            following = (body.get("links") or {}).get("next") if isinstance(body.get("links"), dict) else None
            if not following:
                return tuple(found)
            path = str(httpx.URL(f"{self.base_url}/models").join(str(following)))
            if urlsplit(path)[:2] != urlsplit(self.base_url)[:2]:
                raise Transient("the catalogue's next page lies on another host; not followed")
        return tuple(found)

    def key(self) -> KeyInfo | None:
        """What the account says about itself; None without a key and at endpoints that have no `/key`.

        Raises:
            Transient: no answer. AccountStopped: the key is refused.
        """
        if self._key is None:
            return None
        reply = self.get_reply("/key")
        if reply.status in {404, 405}:
            return None
        data = self._checked(reply).get("data")
        try:
            return KeyInfo.model_validate(data)
        except ValidationError:
            return None

    def key_is_accepted(self) -> bool:
        """True only if the account answers; asked before a 401 is believed."""
        try:
            return self.key() is not None
        except (AccountStopped, Transient):
            return False

    def cost_of_generation(self, generation_id: str) -> Decimal | None:
        """What one call cost in USD; None where that is not known (yet)."""
        try:
            reply = self.get_reply(f"/generation?{urlencode({'id': generation_id})}")
        except NoReply:
            return None
        data = (reply.body or {}).get("data") if reply.status == 200 else None
        return to_decimal(data.get("total_cost")) if isinstance(data, dict) else None

    def chat(
        self, body: Mapping[str, Any], *, wall_seconds: float, cancellation: Cancellation | None = None
    ) -> Reply:
        """The reply to a chat request that is not streamed, of whatever status.

        Raises:
            NoReply: no connection, broken off, given up, or not complete after `wall_seconds`.
        """
        exchange = self._start({**body, "stream": False}, wall_seconds, cancellation)
        content = b"".join(exchange.chunks())
        return self._reply(exchange.status, exchange.headers, content)

    def stream(
        self, body: Mapping[str, Any], *, wall_seconds: float, cancellation: Cancellation | None = None
    ) -> "ChatStream":
        """The beginning of a streamed reply; its chunks come from iterating over it.

        Raises:
            NoReply: as for `chat`; also while iterating.
        """
        exchange = self._start({**body, "stream": True}, wall_seconds, cancellation)
        if "text/event-stream" not in exchange.headers.get("content-type", ""):
            content = b"".join(exchange.chunks())
            return ChatStream(self._reply(exchange.status, exchange.headers, content), None, self.redact)
        return ChatStream(Reply(exchange.status, exchange.headers, {}), exchange, self.redact)

    def redact(self, text: str) -> str:
        """`text` without the key, which some providers repeat in their error messages."""
        key = self._key.get_secret_value() if self._key else ""
        return text.replace(key, "[key]") if len(key) >= SHORTEST_SECRET else text

    def get_reply(self, path: str) -> Reply:
        """The reply to a plain GET below `base_url` (or of an absolute address on it).

        Raises:
            NoReply: there is none.
        """
        url = path if path.startswith("http") else f"{self.base_url}{path}"
        try:
            response = self._client.get(url, timeout=LIST_SECONDS)
        except httpx.HTTPError as error:
            raise _no_reply(error) from None
        return self._reply(response.status_code, response.headers, response.content)

    def _get(self, path: str) -> dict[str, Any]:
        return self._checked(self.get_reply(path))

    def _checked(self, reply: Reply) -> dict[str, Any]:
        if not reply.failed and reply.body is not None:
            return reply.body
        trouble = read_trouble(reply.status, reply.headers, reply.body, now=utc_now(), text=reply.text)
        message = f"{self.base_url} answered {trouble.status or reply.status}: {trouble.message[:200]}"
        if trouble.status in {401, 402}:
            raise AccountStopped(message)
        raise Transient(message, retry_after_seconds=trouble.retry_after_seconds)

    def _reply(self, status: int, headers: Mapping[str, str], content: bytes) -> Reply:
        text = self.redact(content.decode("utf-8", errors="replace"))
        body = parse_json(text)
        return Reply(status, headers, body, "" if body is not None else text[:300])

    def _start(
        self, body: Mapping[str, Any], wall_seconds: float, cancellation: Cancellation | None
    ) -> "_Exchange":
        request = self._client.build_request("POST", f"{self.base_url}/chat/completions", json=body)
        exchange = _Exchange(self._client, request, wall_seconds, cancellation or Cancellation())
        exchange.start()
        return exchange


class ChatStream:
    """A streamed reply: `reply` has status and headers (and the whole body, where it was not a stream)."""

    def __init__(
        self, reply: Reply, exchange: "_Exchange | None", redact: Callable[[str], str] = str
    ) -> None:
        self.reply = reply
        self._exchange = exchange
        self._redact = redact

    @property
    def is_stream(self) -> bool:
        """False if the other side answered in one piece, as it does with errors."""
        return self._exchange is not None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The chunks; comments, keep-alives and what is no JSON are skipped. Ends at `[DONE]`."""
        if self._exchange is None:
            return
        for line in _lines(self._exchange.chunks()):
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            chunk = parse_json(self._redact(data.decode("utf-8", errors="replace")))
            if chunk is not None:
                yield chunk

    def close(self) -> None:
        """Gives the rest of the stream up; the provider sees the connection close."""
        if self._exchange is not None:
            self._exchange.abandon()


def account_name(base_url: str, api_key: SecretStr | None) -> str:
    """The name of the account that this key opens at this endpoint."""
    key = _checked_key(api_key)
    text = f"{_checked_url(base_url)}\n{key.get_secret_value() if key else ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ----------------------------------------------------------------------------------------------------


class _Bearer(httpx.Auth):
    """Puts the key on a request at the last moment, so that no header dict holds it before."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        yield request


class _Exchange:
    """One request, read by its own thread, so that the wall clock's cap holds however slowly it drips."""

    def __init__(
        self, client: httpx.Client, request: httpx.Request, wall_seconds: float, cancellation: Cancellation
    ) -> None:
        self._client, self._request = client, request
        self._deadline = time.monotonic() + wall_seconds
        self._wall_seconds = wall_seconds
        self._cancellation = cancellation
        self._parts: queue.SimpleQueue[httpx.Response | bytes | NoReply | None] = queue.SimpleQueue()
        self._given_up = threading.Event()
        self._response: httpx.Response | None = None
        self._sent = False
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def start(self) -> None:
        """Sends the request and waits for the reply's head."""
        self._cancellation.add(self)
        if not self._given_up.is_set():
            self._sent = True
            threading.Thread(target=self._read, daemon=True, name="upstream").start()
        head = self._next()
        if not isinstance(head, httpx.Response):
            raise NoReply("connection_lost", "the connection closed without a reply", sent=True)
        self.status, self.headers = head.status_code, head.headers

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes in."""
        while True:
            part = self._next()
            if not isinstance(part, bytes):
                return
            yield part

    def abandon(self) -> None:
        """Closes the connection under the reading thread."""
        self._given_up.set()
        self._cancellation.remove(self)
        stream = self._response.extensions.get("network_stream") if self._response is not None else None
        connection = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(connection, socket.socket | ssl.SSLSocket):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("the connection was closed already")

    def cancel(self) -> None:
        """Ends the call for the thread that waits for it."""
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
            response = self._client.send(self._request, stream=True)
            self._response = response
            try:
                self._parts.put(response)
                self._read_body(response)
            finally:
                response.close()
        except httpx.HTTPError as error:
            self._parts.put(_no_reply(error))
        except Exception as error:  # the reading thread has nobody else to tell
            log.debug("reading a reply failed", exc_info=True)
            self._parts.put(NoReply("connection_lost", f"reading failed: {type(error).__name__}", sent=True))
        else:
            self._parts.put(None)

    def _read_body(self, response: httpx.Response) -> None:
        size = 0
        for part in response.iter_bytes():
            size += len(part)
            if self._given_up.is_set() or size > MAX_BODY_BYTES:
                raise httpx.ReadError("given up")
            self._parts.put(part)


def _lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from (line.rstrip(b"\r") for line in whole)
    if rest:
        yield rest


def _no_reply(error: httpx.HTTPError) -> NoReply:
    """By kind only: an exception's text may quote the request."""
    kind = type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        return NoReply("connection_failed", f"cannot connect ({kind})", sent=False)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return NoReply("connection_failed", f"the request could not be sent ({kind})", sent=False)
    if isinstance(error, httpx.TimeoutException):
        return NoReply("timeout", f"nothing came for {IDLE_SECONDS:.0f} s ({kind})", sent=True)
    return NoReply("connection_lost", f"the connection broke ({kind})", sent=True)


def _listed(body: Mapping[str, Any]) -> list[ListedModel]:
    models = []
    data = body.get("data")
    for record in data if isinstance(data, list) else ():
        try:
            models.append(ListedModel.model_validate(record))
        except ValidationError:
            log.warning("the catalogue holds a record that cannot be read; left out")
    return models


def _checked_url(base_url: str) -> str:
    parts = urlsplit(base_url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput("base_url must be an http(s) address such as https://openrouter.ai/api/v1")
    if parts.username or parts.password:
        raise BadInput("base_url must not hold a key; set OPENROUTER_API_KEY instead")
    return base_url.strip().rstrip("/")


def _checked_key(key: SecretStr | None) -> SecretStr | None:
    value = key.get_secret_value().strip() if key is not None else ""
    if not value:
        return None
    # h11 quotes a header that it refuses, key and all.
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise BadInput("the API key holds characters that no key has; copy it again")
    return SecretStr(value)
