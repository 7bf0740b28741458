"""How a program of the rig receives its job and returns its results, and the forked children that it uses.

The process itself never imports the code under test, and its children cannot read its memory.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypedDict

ROOT = str(Path(__file__).resolve().parent.parent)
PR_SET_DUMPABLE = 4
RESULTS = "NIGHTCREW_RESULTS"


class Supervised(TypedDict):
    """How a child ended, and the documents that it reported until then."""

    reports: "list[dict[str, Any]]"  # by a process that runs the code under test: nothing of it is certain
    timed_out: bool
    status: int  # as `os.waitpid` has it


def run_job(work: "Callable[[dict[str, Any], int], Mapping[str, object]]") -> None:
    """Reads the job from stdin, and writes the result of `work` as one JSON document to the results socket.
    `work` also gets the socket's descriptor, which no child may keep."""
    # Children of the same user could otherwise read and write this process's memory through /proc.
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    results = socket.socket(socket.AF_UNIX)
    results.connect(os.environ.pop(RESULTS))
    job = json.loads(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    sys.path.remove(ROOT)
    results.sendall(json.dumps(work(job, results.fileno())).encode())
    results.close()


def supervise(
    body: "Callable[[Reporter], object]",
    seconds: float,
    secret_fd: "int | None" = None,
    each: bool = False,
) -> Supervised:
    """Runs `body(report)` in a forked child; returns what it reported, or how it ended.

    `seconds` of wall time limit the whole run or, with `each`, the time until the next report.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 3
        try:
            os.close(reader)
            if secret_fd is not None:
                os.close(secret_fd)
            os.setsid()
            body(Reporter(writer))
            code = 0
        except BaseException as error:
            with contextlib.suppress(BaseException):
                Reporter(writer)({"crash": f"{type(error).__name__}: {error}"[:600]})
        finally:
            os._exit(code)
    os.close(writer)
    lines, timed_out = read_all(reader, seconds, each)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL) if timed_out else None
    _, status = os.waitpid(child, 0)
    return {"reports": lines, "timed_out": timed_out, "status": status}


class Reporter:
    """Writes JSON documents to the parent, one on each line."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __call__(self, document: "Mapping[str, object]") -> None:
        """Writes one document."""
        data = json.dumps(document).encode() + b"\n"
        while data:
            data = data[os.write(self.fd, data) :]


def read_all(reader: int, seconds: float, each: bool = False) -> "tuple[list[dict[str, Any]], bool]":
    """Every document until the other side closes, and whether the time ran out before that."""
    deadline, timed_out = time.monotonic() + seconds, False
    chunks: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            timed_out = True
            break
        ready, _, _ = select.select([reader], [], [], left)
        if ready:
            chunk = os.read(reader, 1 << 16)
            if not chunk:
                break
            chunks.append(chunk)
            if each:
                deadline = time.monotonic() + seconds
    os.close(reader)
    lines: list[dict[str, Any]] = []
    for line in b"".join(chunks).split(b"\n"):
        with contextlib.suppress(ValueError):
            document = json.loads(line)
            if isinstance(document, dict):
                lines.append(document)
    return lines, timed_out
