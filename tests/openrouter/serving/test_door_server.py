"""The door under misuse: silent connections, large bodies and strangers lock nobody out."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nightcrew.execution.assignment import DoorUsage
from nightcrew.openrouter.serving.door_server import MAX_CONNECTIONS, DoorServer

TOKEN = "the-attempt's-token"


class EchoDoor:
    """Answers each request with itself."""

    token = TOKEN

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"got": dict(request)}

    def stream(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield dict(request)

    def usage(self) -> DoorUsage:
        return DoorUsage(
            calls=0,
            input_tokens=0,
            output_tokens=0,
            cost_usd=Decimal(0),
            models_served=(),
            stopped=None,
            infrastructure=False,
        )

    def listing(self) -> dict[str, Any]:
        return {"data": []}

    def model_info(self) -> dict[str, Any]:
        return {"data": []}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "door.sock"
    server = DoorServer(path, EchoDoor())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield path
    server.shutdown()
    server.server_close()


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    for _ in range(400):  # the queue of connections that wait to be taken may be full for a moment
        with suppress(BlockingIOError):
            connection.connect(str(path))
            break
        time.sleep(0.05)
    return connection


def _ask(path: Path, body: bytes, *, token: str = TOKEN, length: int | None = None) -> tuple[int, Any]:
    connection = _connect(path)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    response = http.client.HTTPResponse(connection)
    response.begin()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_a_stranger_is_refused_before_the_body_is_read(door: Path) -> None:
    """The body is announced and never sent: a door that reads it first would wait for it."""
    began = time.monotonic()
    status, answer = _ask(door, b"", token="guessed", length=15_000_000)
    assert (status, answer["error"]["type"]) == (401, "authentication")
    assert time.monotonic() - began < 8


def test_silent_connections_do_not_lock_the_agent_out(door: Path) -> None:
    silent = [_connect(door) for _ in range(MAX_CONNECTIONS + 8)]
    status, answer = _ask(door, b'{"messages": []}')
    assert (status, answer) == (200, {"got": {"messages": []}})
    for connection in silent:
        connection.close()


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{", b"[]", b"\xff\xfe", b'{"a":' * 50_000])
def test_what_is_no_object_is_refused(door: Path, body: bytes) -> None:
    status, answer = _ask(door, body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request")
