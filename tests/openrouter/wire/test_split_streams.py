"""A streamed answer is the same, wherever the network and the provider cut it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.rescue.rescue import rescued
from nightcrew.openrouter.wire.joined_stream import joined
from tests.openrouter.rescue.tools import OFFERED

TEXT = 'Grüße 🌙.\n<tool_call>{"name": "terminal", "arguments": {"command": "echo „é🚂“"}}</tool_call>'


def events(pieces: list[str]) -> bytes:
    chunks: list[dict[str, Any]] = [{"delta": {"content": piece}, "finish_reason": None} for piece in pieces]
    chunks.append({"delta": {}, "finish_reason": "stop"})
    lines = [json.dumps({"id": "g", "choices": [chunk]}, ensure_ascii=False) for chunk in chunks]
    return "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()


@contextmanager
def provider(content: bytes, size: int) -> Iterator[str]:
    """Sends `content` in pieces of `size` bytes to every request."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for at in range(0, len(content), size):
                piece = content[at : at + size]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("bytes_at_once", [1, 3, 7, 10_000])
@pytest.mark.parametrize("letters_at_once", [1, 5, 1_000])
def test_no_cut_changes_a_call(bytes_at_once: int, letters_at_once: int) -> None:
    pieces = [TEXT[at : at + letters_at_once] for at in range(0, len(TEXT), letters_at_once)]
    with provider(events(pieces), bytes_at_once) as url, OpenRouterApi(url, None) as api:
        reply = joined(api.stream({"model": "m", "messages": []}, wall_seconds=20), lambda: None)
    assert reply.body is not None
    message = rescued(reply.body, OFFERED).body["choices"][0]["message"]
    (call,) = message["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"command": "echo „é🚂“"}
    assert message["content"] == "Grüße 🌙."
