"""The door under misuse: silent connections, large bodies and unknown clients lock nobody out."""

import http.client
import json
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.door_server import MAX_CONNECTIONS
from tests.openrouter.conftest import MakeCrew, ask, free


@pytest.fixture
def door(crew: MakeCrew) -> Gateway:
    return crew(free()).gateway()


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    for _ in range(400):  # the queue of connections that wait to be taken may be full for a moment
        with suppress(BlockingIOError):
            connection.connect(str(path))
            break
        time.sleep(0.05)
    return connection


def _ask(
    door: Gateway, body: bytes, *, token: str | None = None, length: int | None = None
) -> tuple[int, Any]:
    connection = _connect(door.socket_path)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token or door.token}\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    response = http.client.HTTPResponse(connection)
    response.begin()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_an_unknown_client_is_refused_before_the_body_is_read(door: Gateway) -> None:
    """The body is announced and never sent: a door that reads it first would wait for it."""
    began = time.monotonic()
    status, answer = _ask(door, b"", token="guessed", length=15_000_000)
    assert (status, answer["error"]["type"]) == (401, "authentication")
    assert time.monotonic() - began < 8


def test_silent_connections_do_not_lock_the_agent_out(door: Gateway) -> None:
    silent = [_connect(door.socket_path) for _ in range(MAX_CONNECTIONS + 8)]
    status, answer = _ask(door, json.dumps(ask()).encode())
    assert status == 200 and answer["choices"], answer
    for connection in silent:
        connection.close()


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{", b"[]", b"\xff\xfe", b'{"a":' * 50_000])
def test_what_is_no_object_is_refused(door: Gateway, body: bytes) -> None:
    status, answer = _ask(door, body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request")
