"""A model behind a unix socket that says what a test tells it to, in the order given; the last reply repeats.

Stands where the gateway stands, so that a test of the agent needs neither a database nor a provider.
"""

import json
import socketserver
import tempfile
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

from nightcrew.execution.execution_engine import DoorUsage

TOKEN = "attempt-token-4711"


def call(
    tool: str, arguments: Mapping[str, Any] | str, *, finish_reason: str = "tool_calls"
) -> dict[str, Any]:
    """A reply that calls a tool; a string is sent as the arguments' JSON just as it is."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    function = {"name": tool, "arguments": text}
    return _reply(
        {"content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]},
        finish_reason,
    )


def say(text: str, *, finish_reason: str = "stop") -> dict[str, Any]:
    """A reply in plain text."""
    return _reply({"content": text}, finish_reason)


def fail(status: int, message: str) -> dict[str, Any]:
    """A refusal with an HTTP status."""
    return {"status": status, "body": {"error": {"code": status, "message": message}}}


def finish(message: str = "done") -> dict[str, Any]:
    """A reply that calls the finish tool."""
    return call("finish", {"message": message})


def _reply(message: dict[str, Any], finish_reason: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    body = {"object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return {"status": 200, "body": body}


class ScriptedDoor:
    """A `ModelDoor`; `requests` holds what the agent sent."""

    def __init__(self, *replies: Mapping[str, Any], model: str = "scripted/model") -> None:
        self.model, self.token = model, TOKEN
        self.requests: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self._replies: Sequence[Mapping[str, Any]] = replies
        self._folder = tempfile.TemporaryDirectory(prefix="door-")
        self.socket_path = Path(self._folder.name) / "gateway.sock"

    def __enter__(self) -> Self:
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                _send(self, 200, {"data": []})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                door.tokens.append(self.headers.get("authorization"))
                reply = door.answer(body)
                _send(self, reply["status"], reply["body"])

            def log_message(self, *_: Any) -> None: ...

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self._server = Server(str(self.socket_path), Handler)
        self.socket_path.chmod(0o666)  # the sandbox is another user
        Path(self._folder.name).chmod(0o755)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The next reply of the script."""
        self.requests.append(body)
        number = len(self.requests)
        reply = self._replies[min(number, len(self._replies)) - 1]
        message = json.loads(json.dumps(reply["body"]))
        for choice in message.get("choices", []):
            for tool_call in choice["message"].get("tool_calls", []):
                tool_call["id"] = f"call-{number}"
        return {"status": reply["status"], "body": message | {"id": f"gen-{number}"}}

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Not used by the agent."""
        raise NotImplementedError

    def usage(self) -> DoorUsage:
        """What went through the door."""
        calls = len(self.requests)
        return DoorUsage(
            calls=calls,
            input_tokens=100 * calls,
            output_tokens=10 * calls,
            cost_usd=Decimal(0),
            models_served=(self.model,),
            stopped=None,
            infrastructure=False,
        )

    def seen(self) -> str:
        """All that the agent ever sent, as one text."""
        return json.dumps(self.requests)


def _send(handler: BaseHTTPRequestHandler, status: int, body: object) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
