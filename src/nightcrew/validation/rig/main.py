"""Entry: reads a job from stdin, forks one child per session, tells one JSON document at the results socket.

This process never imports the code under test, and makes itself unreadable to its children.
"""

import contextlib
import ctypes
import json
import os
import socket
import sys
from functools import partial
from pathlib import Path

from . import session
from .supervise import supervise

ROOT = str(Path(__file__).resolve().parent.parent)
PR_SET_DUMPABLE = 4
RESULTS = "NIGHTCREW_RESULTS"


def main() -> None:
    """The job on stdin, its results where only this process can tell them."""
    # Children of the same user could otherwise look into this process, and write into it, through /proc.
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    results = socket.socket(socket.AF_UNIX)
    results.connect(os.environ.pop(RESULTS))
    job = json.loads(sys.stdin.buffer.read())
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    sys.path.remove(ROOT)
    secret = results.fileno()
    told = [supervise(partial(session.run, job, one), one["seconds"], secret) for one in job["sessions"]]
    results.sendall(json.dumps({"sessions": told}).encode())
    results.close()
