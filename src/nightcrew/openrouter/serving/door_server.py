"""The HTTP server of one attempt, on a unix socket: checks the token, parses requests, writes errors.

Its clients run in the sandbox and are not trusted: sizes, connections and waits are bounded.
"""

import hmac
import json
import logging
import socket
import socketserver
import threading
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from nightcrew.errors import AccountStopped, BadInput, BudgetReached, ModelUnfit, NightcrewError
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.wire.chat_request import DEFAULT_OUTPUT_TOKENS
from nightcrew.selection.candidates import Candidate
from nightcrew.untrusted import Unreadable, read_json

log = logging.getLogger(__name__)

# The only model name in the sandbox, because clients treat well-known names specially, and models rotate.
ALIAS = "nightcrew"
LISTING = {"object": "list", "data": [{"id": ALIAS, "object": "model", "owned_by": "nightcrew"}]}
MAX_REQUEST_BYTES = 16 * 1024 * 1024
MAX_CONNECTIONS = 32
IDLE_SECONDS = 600.0  # of a connection with a valid token, because a model may think for long
UNKNOWN_SECONDS = 10.0  # of a connection without one
LARGE_BYTES = 1024 * 1024
MAX_LARGE = 2
"""Requests above this size wait for each other: in memory, they take ten times as much."""
MOST_VALUES = 200_000


class DoorServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A server with one thread per connection, up to more than an agent ever needs."""

    # The end of an attempt waits for no client: one in the sandbox could keep its connection open for ever.
    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, path: Path, token: str, dispatcher: Dispatcher) -> None:
        self.token, self.dispatcher = token, dispatcher
        self.places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.large = threading.BoundedSemaphore(MAX_LARGE)
        self._unknown: dict[Any, None] = {}  # connections without a valid token so far, oldest first
        self._unknown_lock = threading.Lock()
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)
        path.chmod(0o600)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Accept a connection; if all places are taken, close the oldest one without a valid token."""
        if not self.places.acquire(blocking=False):
            # Untrusted code could take every place and lock its own agent out; who has shown the token stays.
            makes_room = self._hang_up_on_oldest()
            if not makes_room or not self.places.acquire(timeout=UNKNOWN_SECONDS):
                self.shutdown_request(request)
                return
        with self._unknown_lock:
            self._unknown[request] = None
        super().process_request(request, client_address)

    def has_shown_token(self, request: Any) -> None:
        """Mark a connection as the agent's, which is kept as long as it is used."""
        with self._unknown_lock:
            self._unknown.pop(request, None)
        request.settimeout(IDLE_SECONDS)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection's thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._unknown_lock:
                self._unknown.pop(request, None)
            self.places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of the client, such as a closed connection or invalid HTTP."""
        log.debug("a connection from the sandbox broke", exc_info=True)

    def _hang_up_on_oldest(self) -> bool:
        with self._unknown_lock:
            oldest = next(iter(self._unknown), None)
            if oldest is None:
                return False
            del self._unknown[oldest]
        with suppress(OSError):
            oldest.shutdown(socket.SHUT_RDWR)
        return True


def status_of(error: NightcrewError) -> int:
    """The HTTP status of a refusal; one that clients do not retry."""
    match error:
        case BadInput():
            return 400
        case BudgetReached():
            return 402
        case AccountStopped():
            return 403
        case ModelUnfit() if "context_overflow" in str(error):
            return 400
        case ModelUnfit():
            return 404
        case _:
            return 424


def model_info(first: Candidate) -> dict[str, Any]:
    """The body of `GET /v1/model/info`, in a LiteLLM proxy's format; sizes are the first model's."""
    info = {
        "max_tokens": first.context_tokens,
        "max_input_tokens": first.context_tokens,
        "max_output_tokens": min(first.max_output_tokens or DEFAULT_OUTPUT_TOKENS, DEFAULT_OUTPUT_TOKENS),
        "input_cost_per_token": float(first.input_price_usd or 0),
        "output_cost_per_token": float(first.output_price_usd or 0),
        "mode": "chat",
        "supports_function_calling": first.tools,
        "supports_vision": False,
        "supports_prompt_caching": False,
    }
    return {"data": [{"model_name": ALIAS, "litellm_params": {"model": ALIAS}, "model_info": info}]}


# ----------------------------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nightcrew"  # the headers tell nothing about Python
    sys_version = ""
    timeout = UNKNOWN_SECONDS
    wbufsize = -1  # head and body of an answer leave together, so that the agent is woken once
    server: DoorServer

    def address_string(self) -> str:
        return "sandbox"

    def log_message(self, format: str, *args: object) -> None:
        log.debug("gateway: %s", format % args)

    def handle_expect_100(self) -> bool:
        expected = super().handle_expect_100()
        self.wfile.flush()
        return expected

    def do_GET(self) -> None:
        if not self._authorized():
            return
        path = self.path.split("?")[0].rstrip("/")
        if path.endswith("/model/info"):
            self._send(200, model_info(self.server.dispatcher.models[0]))
        elif path.endswith("/models"):
            self._send(200, LISTING)
        else:
            self._send_error(404, "not found", "not_found")

    def do_POST(self) -> None:
        if not self._authorized():  # before the body is read
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length[:20]) > MAX_REQUEST_BYTES:
            self.close_connection = True
            self._send_error(413, "the request needs a Content-Length of at most 16 MiB", "payload_too_large")
            return
        with self.server.large if int(length) > LARGE_BYTES else nullcontext():
            self._answer(int(length))

    def _answer(self, length: int) -> None:
        body = self._body(length)
        if body is None:
            return
        if not self.path.split("?")[0].rstrip("/").endswith("/chat/completions"):
            self._send_error(404, "not found", "not_found")
            return
        try:
            if body.get("stream") is True:
                self._send_stream(body)
            else:
                before = self.server.dispatcher.usage().cost_usd
                answer = self.server.dispatcher.complete(body)
                self._send(200, answer, cost_usd=self.server.dispatcher.usage().cost_usd - before)
        except NightcrewError as error:
            self._send_error(status_of(error), str(error), type(error).__name__)

    def _body(self, length: int) -> dict[str, Any] | None:
        try:
            body = read_json(self.rfile.read(length), most_values=MOST_VALUES)
        except Unreadable:
            body = None
        if not isinstance(body, dict):
            self._send_error(400, "the body is not a JSON object", "invalid_request")
            return None
        return body

    def _authorized(self) -> bool:
        given = self.headers.get("Authorization", "")
        expected = f"Bearer {self.server.token}"
        if hmac.compare_digest(given.encode(), expected.encode()):
            self.server.has_shown_token(self.request)
            return True
        self.close_connection = True  # the body is unread, and would be taken for the next request
        self._send_error(401, "the token is not valid for this attempt", "authentication")
        return False

    def _send(self, status: int, body: Mapping[str, Any], *, cost_usd: Decimal | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if cost_usd is not None:
            # The agent's SDK reads an answer's cost from this header.
            self.send_header("x-litellm-response-cost", str(float(cost_usd)))
        if status >= 400:
            # The dispatcher has retried already; a client that does it too multiplies the calls.
            self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(content)

    def _send_error(self, status: int, message: str, kind: str) -> None:
        self._send(status, {"error": {"code": status, "message": message, "type": kind}})

    def _send_stream(self, body: Mapping[str, Any]) -> None:
        """Send the headers with the first chunk only, so that an earlier error still gets its HTTP status."""
        begun = False
        chunks = self.server.dispatcher.stream(body)
        try:
            for chunk in chunks:
                if not begun:
                    begun = True
                    self._begin_stream()
                self._write_event(json.dumps(chunk))
            self._write_event("[DONE]")
            self.wfile.write(b"0\r\n\r\n")
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _write_event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.flush()
