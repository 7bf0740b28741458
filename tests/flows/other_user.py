"""What somebody who is not the crew's operator tries on its machine; prints what they got as JSON.

Run by another user as `python -I -S other_user.py SETTINGS`, with the standard library only.
"""

import base64
import contextlib
import http.client
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

CALLS = [
    ("POST", "/api/flow_runs/filter", "{}"),
    ("POST", "/api/block_documents/filter", '{"include_secrets": true}'),
    ("POST", "/api/deployments/filter", "{}"),
    ("POST", "/api/logs/filter", "{}"),
    ("POST", "/api/automations/filter", "{}"),
    ("GET", "/api/admin/settings", ""),
    ("GET", "/api/variables/name/x/ready", ""),
    ("GET", "//api/admin/settings", ""),
    ("GET", "/api/health/../admin/settings", ""),
    ("POST", "/api/work_pools/nightcrew/get_scheduled_flow_runs", "{}"),
    ("POST", "/api/flow_runs/", '{"flow_id": "00000000-0000-0000-0000-000000000000"}'),
]
HEADERS: list[dict[str, str]] = [
    {},
    {"Authorization": "Basic " + base64.b64encode(b"nightcrew:guessed").decode()},
    {"Authorization": "Bearer guessed"},
    {"Host": "evil.example"},
    {"Origin": "http://evil.example"},
]
SOCKETS = ("/api/events/in", "/api/events/out", "/api/logs/out", "/api/task_runs/subscriptions/scheduled")


def answered(port: int) -> list[str]:
    """API calls that were answered with anything but a refusal."""
    got = []
    for method, path, body in CALLS:
        for headers in HEADERS:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request(method, path, body or None, {"Content-Type": "application/json", **headers})
            reply = connection.getresponse()
            text = reply.read()
            is_page = b"<!doctype html" in text[:200].lower()  # of the UI, the same for everybody
            if reply.status not in {401, 403, 404, 405} and not is_page:
                got.append(f"{method} {path} {headers}: {reply.status} {text[:100]!r}")
            connection.close()
    return got


def heard(port: int) -> list[str]:
    """Websockets that sent more than the closing frame."""
    got = []
    for path in SOCKETS:
        for token in (None, "guessed"):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
                line.sendall(
                    f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Key: c29tZWJvZHkgZWxzZSEhIQ==\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: prefect\r\n\r\n".encode()
                )
                head = line.recv(4096)
                if b" 101 " not in head.split(b"\r\n")[0]:
                    continue
                line.sendall(_frame(json.dumps({"type": "auth", "token": token}).encode()))
                with contextlib.suppress(OSError):
                    result = head.split(b"\r\n\r\n", 1)[1] + line.recv(4096)
                    if result and result[0] & 0x0F != 8:
                        got.append(f"{path}: {result[:100]!r}")
    return got


def reached(sockets: list[str]) -> list[str]:
    """UNIX sockets that let us connect."""
    got = []
    for name in sockets:
        with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
            line.connect(name)
            got.append(name)
    return got


def read(home: str, processes: list[int]) -> list[str]:
    """What could be read of the home, and of what its processes were started with."""
    got = []
    names = ("", "secrets", "results", "ledger", "postgres", "logs")
    for folder in (Path(home, name) for name in names):
        with contextlib.suppress(OSError):
            got += [f"{folder}: {name}" for name in os.listdir(folder)]  # noqa: PTH208
    paths = [
        Path(home, "secrets", "account.json"),
        Path(home, "services.json"),
        Path(home, "prefect", "profiles.toml"),
    ]
    for path in [*paths, *(Path(f"/proc/{number}/environ") for number in processes)]:
        with contextlib.suppress(OSError):
            got.append(f"{path}: {len(path.read_bytes())} bytes")
    return got


def main(found: dict[str, Any]) -> None:
    """Try everything."""
    got = {
        "user": os.geteuid(),
        "api": answered(found["port"]),
        "websockets": heard(found["port"]),
        "sockets": reached(found["sockets"]),
        "files": read(found["home"], found["processes"]),
    }
    sys.stdout.write(json.dumps(got))


def _frame(payload: bytes) -> bytes:
    """A masked text frame; the mask is zero."""
    return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
