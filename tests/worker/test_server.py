"""The gate before Prefect's server: what was not meant for it does not reach it."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from nightcrew.worker.server import HARDENED, Gate


async def everything(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers whatever comes."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"all of it"})


def ask(kind: str, headers: list[tuple[str, str]]) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    scope: dict[str, Any] = {
        "type": kind,
        "method": "GET",
        "path": "/api/flows",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "extensions": {"websocket.http.response": {}},
    }
    asyncio.run(Gate(everything, 4257)(scope, receive, send))
    return sent


OURS = ("host", "127.0.0.1:4257")


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", "evil.example")],
        [("host", "evil.example:4257")],
        [("host", "127.0.0.1")],
        [("host", "127.0.0.1:4257.evil.example")],
        [OURS, ("host", "evil.example")],
        [OURS, ("origin", "null")],
        [OURS, ("origin", "http://evil.example")],
        [OURS, ("origin", "http://127.0.0.1:8000")],
        [OURS, ("origin", "https://127.0.0.1:4257")],
        [OURS, ("origin", "http://localhost:4257"), ("origin", "http://evil.example")],
    ],
)
def test_foreign_names_and_origins_are_turned_away(kind: str, headers: list[tuple[str, str]]) -> None:
    sent = ask(kind, headers)
    assert sent[0]["status"] == 403
    assert b"all of it" not in str(sent).encode()


@pytest.mark.parametrize(
    "headers", [[OURS], [("host", "localhost:4257")], [OURS, ("origin", "http://127.0.0.1:4257")]]
)
def test_its_own_clients_and_pages_get_through_and_nobody_can_frame_them(
    headers: list[tuple[str, str]],
) -> None:
    sent = ask("http", headers)
    assert sent[0]["status"] == 200
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    assert found == {name.lower(): value for name, value in HARDENED.items()}
