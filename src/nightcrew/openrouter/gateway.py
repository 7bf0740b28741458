"""The gateway: an OpenAI-compatible endpoint that one attempt gets for itself, on a unix socket.

It runs on the trusted side and alone holds the API key; the sandbox holds the attempt's token, which is good
for nothing else. Here is only HTTP: what is asked of whom, and what it may cost, `dispatcher.py` decides.
"""

import hmac
import json
import logging
import secrets
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nightcrew.errors import AccountStopped, BadInput, BudgetReached, ModelUnfit, NightcrewError
from nightcrew.execution.assignment import DoorUsage
from nightcrew.execution.attempt import RecordCall
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.budget import Budgets, charge_overdue
from nightcrew.openrouter.chat_request import DEFAULT_OUTPUT_TOKENS
from nightcrew.openrouter.dispatcher import Dispatcher
from nightcrew.openrouter.quota import QuotaLimits
from nightcrew.openrouter.recovery import row_of
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.selection.candidates import Candidate

log = logging.getLogger(__name__)

# The one name the sandbox knows: clients treat famous model names in special ways, and models rotate.
ALIAS = "nightcrew"
CALL_SECONDS = 180.0  # wall clock of one upstream call
MAX_REQUEST_BYTES = 16 * 1024 * 1024
MAX_CONNECTIONS = 32
IDLE_SECONDS = 600.0
_LONGEST_SOCKET_PATH = 100  # the kernel takes 107 bytes


class Gateway:
    """One attempt's door to the models (a `ModelDoor`); a context manager, open while entered."""

    def __init__(
        self,
        *,
        api: OpenRouterApi,
        store: StateStore,
        task_id: str,
        attempt_id: str,
        models: Sequence[Candidate],
        budgets: Budgets,
        record: RecordCall,
        socket_dir: Path,
        limits: QuotaLimits = QuotaLimits(),  # noqa: B008  (frozen)
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self.model = ALIAS
        self.token = secrets.token_urlsafe(24)
        self.socket_path = _socket_path(socket_dir)
        self._models = tuple(models)
        self._store, self._clock = store, clock
        self._dispatcher = Dispatcher(
            api=api,
            store=store,
            task_id=task_id,
            attempt_id=attempt_id,
            models=models,
            budgets=budgets,
            record=record,
            limits=limits,
            clock=clock,
            sleep=sleep,
            call_seconds=call_seconds,
        )
        self._server: _Server | None = None

    def __repr__(self) -> str:
        return f"Gateway({str(self.socket_path)!r}, models={[m.model for m in self._models]!r})"

    def __enter__(self) -> Self:
        charge_overdue(self._store, now=self._clock())
        self.socket_path.parent.mkdir(parents=True, exist_ok=True)
        self._server = _Server(self.socket_path, self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="gateway").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dispatcher.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.socket_path.unlink(missing_ok=True)

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an OpenAI-style chat request, without HTTP between.

        Raises:
            BadInput, BudgetReached, AccountStopped, ModelUnfit, Transient: as `Dispatcher` says.
        """
        return self._dispatcher.complete(request)

    def stream(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The same as chunks; the caller must iterate to the end or close the iterator."""
        return self._dispatcher.stream(request)

    def usage(self) -> DoorUsage:
        """What the attempt has used so far, and whether the door is shut."""
        return self._dispatcher.usage()

    def listing(self) -> dict[str, Any]:
        """The body of `GET /v1/models`."""
        return {"object": "list", "data": [{"id": ALIAS, "object": "model", "owned_by": "nightcrew"}]}

    def model_info(self) -> dict[str, Any]:
        """The body of `GET /v1/model/info`, as a LiteLLM proxy writes it; sizes are the first model's."""
        first = self._models[0]
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


def status_of(error: NightcrewError) -> int:
    """The HTTP status of a refusal: none that clients take for a reason to try again."""
    match error:
        case BadInput():
            return 400
        case BudgetReached():
            return 402
        case AccountStopped():
            return 403
        case ModelUnfit() if row_of("context_overflow").fault in str(error):
            return 400
        case ModelUnfit():
            return 404
        case _:
            return 424


# ----------------------------------------------------------------------------------------------------


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, path: Path, gateway: Gateway) -> None:
        self.gateway = gateway
        self.places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)
        path.chmod(0o600)

    def process_request(self, request: Any, client_address: Any) -> None:
        """More connections than an agent can use are a fault or an attack: closed at once."""
        if not self.places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a connection from the sandbox broke", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nightcrew"
    sys_version = ""
    timeout = IDLE_SECONDS
    server: _Server

    def address_string(self) -> str:
        return "sandbox"

    def log_message(self, format: str, *args: object) -> None:
        log.debug("gateway: %s", format % args)

    def do_GET(self) -> None:
        gateway = self.server.gateway
        if not self._authorized():
            return
        path = self.path.split("?")[0].rstrip("/")
        if path.endswith("/model/info"):
            self._send(200, gateway.model_info())
        elif path.endswith("/models"):
            self._send(200, gateway.listing())
        else:
            self._send_error(404, "there is nothing here", "not_found")

    def do_POST(self) -> None:
        body = self._body()
        if body is None or not self._authorized():
            return
        if not self.path.split("?")[0].rstrip("/").endswith("/chat/completions"):
            self._send_error(404, "there is nothing here", "not_found")
            return
        try:
            if body.get("stream") is True:
                self._send_stream(body)
            else:
                before = self.server.gateway.usage().cost_usd
                answer = self.server.gateway.complete(body)
                self._send(200, answer, cost_usd=self.server.gateway.usage().cost_usd - before)
        except NightcrewError as error:
            self._send_error(status_of(error), str(error), type(error).__name__)

    def _body(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_REQUEST_BYTES:
            self.close_connection = True
            self._send_error(413, "a request needs a Content-Length of at most 16 MiB", "payload_too_large")
            return None
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self._send_error(400, "the body is not a JSON object", "invalid_request")
            return None
        return body

    def _authorized(self) -> bool:
        given = self.headers.get("Authorization", "")
        wanted = f"Bearer {self.server.gateway.token}"
        if hmac.compare_digest(given.encode(), wanted.encode()):
            return True
        self.close_connection = True
        self._send_error(401, "this is not the attempt's token", "authentication")
        return False

    def _send(self, status: int, body: Mapping[str, Any], *, cost_usd: Decimal | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if cost_usd is not None:
            self.send_header("x-litellm-response-cost", str(float(cost_usd)))
        if status >= 400:
            self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(content)

    def _send_error(self, status: int, message: str, kind: str) -> None:
        self._send(status, {"error": {"code": status, "message": message, "type": kind}})

    def _send_stream(self, body: Mapping[str, Any]) -> None:
        """Headers go out with the first chunk, so that a refusal can still be an honest status."""
        begun = False
        chunks = self.server.gateway.stream(body)
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


def _socket_path(folder: Path) -> Path:
    path = folder / "gateway.sock"
    if len(str(path).encode()) <= _LONGEST_SOCKET_PATH:
        return path
    # The kernel would refuse a longer path.
    return Path(tempfile.mkdtemp(prefix="nightcrew-")) / "gateway.sock"
