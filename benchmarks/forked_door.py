"""A scripted model behind a unix socket, for benchmarks of the agent alone: no gateway, no database."""

import json
import socketserver
import tempfile
import threading
from collections.abc import Mapping
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

from nightcrew.execution.assignment import DoorUsage

_EDIT = {"command": "str_replace", "path": "/workspace/adder.py", "old_str": "a - b", "new_str": "a + b"}
SCRIPT = (("terminal", {"command": "ls"}), ("file_editor", _EDIT), ("finish", {"message": "done"}))


class Door:
    """A `ModelDoor`. With `go`, the second answer waits for it, after a release of `waiting`."""

    model, token = "scripted/model", "token"

    def __init__(self, go: threading.Event | None = None, waiting: threading.Semaphore | None = None) -> None:
        self._go, self._waiting, self._calls = go, waiting, 0
        self._folder = tempfile.TemporaryDirectory(prefix="door-")
        self.socket_path = Path(self._folder.name) / "gateway.sock"

    def __enter__(self) -> Self:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                _send(self, {"data": []})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                _send(self, answer())

            def log_message(self, *_: object) -> None: ...

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self._server = Server(str(self.socket_path), Handler)
        self.socket_path.chmod(0o666)  # the sandbox may be another user
        Path(self._folder.name).chmod(0o755)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Not used by the agent."""
        raise NotImplementedError

    def usage(self) -> DoorUsage:
        """What went through the door."""
        return DoorUsage(self._calls, 0, 0, Decimal(0), (self.model,), None, False)

    def _answer(self) -> dict[str, object]:
        self._calls += 1
        if self._calls == 2 and self._go is not None and self._waiting is not None:
            self._waiting.release()
            self._go.wait(300)
        tool, arguments = SCRIPT[min(self._calls, len(SCRIPT)) - 1]
        function = {"name": tool, "arguments": json.dumps(arguments)}
        called = {"id": f"call-{self._calls}", "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "tool_calls": [called]}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        return {
            "id": f"gen-{self._calls}", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": usage,
        }  # fmt: skip


def _send(handler: BaseHTTPRequestHandler, body: Mapping[str, object]) -> None:
    data = json.dumps(body).encode()
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
