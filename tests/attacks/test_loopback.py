"""Who reaches loopback, another user or a page in a browser, speaks to the crew's server and sockets."""

import asyncio
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from nightcrew.execution.packages.mirror import PackageMirror, serve
from nightcrew.execution.packages.sources import Sources
from nightcrew.execution.packages.store import PackageStore
from nightcrew.execution.packages.upstream import Upstream
from nightcrew.secrets.files import open_home, secrets_folder, write_private
from nightcrew.worker.server import Gate
from tests.attacks.ordinary import run_as_another_user
from tests.attacks.rows import Findings, Row

pytestmark = pytest.mark.attack(Row.LOOPBACK)


async def everything(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for Prefect, and answers whatever the gate lets in."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "through"})
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"through"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The crew's server, gate and HTTP as they are, in front of somebody who answers everything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = int(listener.getsockname()[1])
        config = uvicorn.Config(Gate(everything, number), log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield number
        server.should_exit = True
        thread.join(10)


def answer(port: int, spoken: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(spoken.replace(b"PORT", str(port).encode()))
        got = b""
        with suppress(OSError):
            line.settimeout(2)
            while b"through" not in got and (piece := line.recv(65_536)):
                got += piece
                if got.startswith(b"HTTP/1.1 4"):
                    break
        return got


OURS = "Host: 127.0.0.1:PORT"
UPGRADE = (
    *("Upgrade: websocket", "Connection: Upgrade"),
    *("Sec-WebSocket-Key: c29tZWJvZHkgZWxzZSEhIQ==", "Sec-WebSocket-Version: 13"),
)
HEADERS: dict[str, tuple[str, ...]] = {
    "no name": (),
    "a name that was made to lead here": ("Host: evil.example:PORT",),
    "a name that begins like ours": ("Host: 127.0.0.1:PORT.evil.example",),
    "a name that ends like ours": ("Host: evil.127.0.0.1:PORT",),
    "our name without the port": ("Host: 127.0.0.1",),
    "our name with another port": ("Host: 127.0.0.1:80",),
    "our name with a dot": ("Host: localhost.:PORT",),
    "our name behind a user": ("Host: evil@127.0.0.1:PORT",),
    "our number in another writing": ("Host: 2130706433:PORT",),
    "our number with zeros": ("Host: 127.000.000.001:PORT",),
    "any number of this machine": ("Host: 0.0.0.0:PORT",),
    "our number as IPv6": ("Host: [::ffff:127.0.0.1]:PORT",),
    "two names": (OURS, "Host: evil.example"),
    "two names, ours last": ("Host: evil.example", OURS),
    "a list of names": ("Host: 127.0.0.1:PORT, evil.example",),
    "another page": (OURS, "Origin: http://evil.example"),
    "a page of nowhere": (OURS, "Origin: null"),
    "a page of another port": (OURS, "Origin: http://127.0.0.1:8000"),
    "a page of our name, encrypted": (OURS, "Origin: https://127.0.0.1:PORT"),
    "a page of a name like ours": (OURS, "Origin: http://127.0.0.1:PORT.evil.example"),
    "a page that is a list": (OURS, "Origin: http://127.0.0.1:PORT http://evil.example"),
    "two pages": (OURS, "Origin: http://127.0.0.1:PORT", "Origin: http://evil.example"),
    "a page in capitals": (OURS, "ORIGIN: HTTP://EVIL.EXAMPLE"),
    "a file": (OURS, "Origin: file://"),
    "an extension": (OURS, "Origin: moz-extension://0"),
    "an empty page": (OURS, "Origin: "),
}


@pytest.mark.parametrize("kind", ["request", "websocket", "preflight"])
@pytest.mark.parametrize("name", HEADERS)
def test_no_foreign_name_or_page_is_answered(port: int, name: str, kind: str, finding: Findings) -> None:
    method = "OPTIONS" if kind == "preflight" else "GET"
    more = UPGRADE if kind == "websocket" else ("Access-Control-Request-Method: POST",)
    lines = [f"{method} /api/events/in HTTP/1.1", *HEADERS[name], *more]
    got = answer(port, "\r\n".join(lines).encode() + b"\r\n\r\n")
    assert b"through" not in got
    assert b"access-control-allow-origin" not in got.lower()
    finding(got.split(b"\r\n")[0].decode() or "the server hung up")


TARGETS: dict[str, bytes] = {
    "an address of another host": b"GET http://evil.example/api HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "an older language": b"GET /api/health HTTP/1.0\r\n\r\n",
    "a folded name": b"GET / HTTP/1.1\r\nHost: evil.example\r\n 127.0.0.1:PORT\r\n\r\n",
    "a name behind a null": b"GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\0.evil.example\r\n\r\n",
    "a second request behind a refused one": (
        b"POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 58\r\n\r\n"
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: http://e\r\n\r\n"
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_no_odd_request_is_answered(port: int, name: str, finding: Findings) -> None:
    got = answer(port, TARGETS[name])
    assert b"through" not in got
    finding(got.split(b"\r\n")[0].decode() or "the server hung up")


def test_the_attacks_would_have_shown(port: int, finding: Findings) -> None:
    assert b"through" in answer(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n")
    ours = b"\r\n".join(line.encode() for line in (*UPGRADE, OURS, "Origin: http://127.0.0.1:PORT"))
    assert b"through" in answer(port, b"GET / HTTP/1.1\r\n" + ours + b"\r\n\r\n")
    finding("who is meant gets in")


# Files and sockets against another user -------------------------------------------------------------------


def _socket_of_the_mirror(home: Path) -> Iterator[Path]:
    with serve(PackageMirror(Sources(()), PackageStore(home / "packages", Upstream()))) as path:
        yield path


def _kept_secret(home: Path) -> Iterator[Path]:
    path = secrets_folder(home) / "account.json"
    write_private(path, "{}")
    yield path


def _home_itself(home: Path) -> Iterator[Path]:
    yield open_home(home)


PLACES = {"the mirror's socket": _socket_of_the_mirror, "a secret": _kept_secret, "the home": _home_itself}
LOOK = """
import os, socket, sys
path = sys.argv[1]
for act in (os.listdir, lambda p: open(p).read(), lambda p: socket.socket(socket.AF_UNIX).connect(p)):
    try:
        act(path)
        print("in")
    except OSError as error:
        print(error.strerror)
"""


@pytest.mark.parametrize("place", PLACES)
def test_another_user_gets_into_nothing(tmp_path: Path, place: str, finding: Findings) -> None:
    before = os.umask(0)
    try:
        for path in PLACES[place](tmp_path / "home"):
            status = path.stat()
            assert not status.st_mode & 0o077 or stat.S_ISSOCK(status.st_mode)
            assert status.st_uid == os.geteuid()
            seen = f"its mode is {stat.S_IMODE(status.st_mode):o}"
            if os.geteuid() == 0:
                tmp_path.chmod(0o755)
                seen = run_as_another_user(LOOK, str(path)).stdout
                assert seen and "in" not in seen.splitlines()
            finding(seen)
    finally:
        os.umask(before)
