"""Entry: reads a job from stdin, forks one child per session, prints one JSON document.

This process never imports the code under test, and makes itself unreadable to its children.
"""

import contextlib
import ctypes
import json
import os
import sys
from functools import partial
from pathlib import Path

from . import session
from .supervise import supervise

ROOT = str(Path(__file__).resolve().parent.parent)
PR_SET_DUMPABLE = 4


def main() -> None:
    """The job on stdin, its results on stdout."""
    job = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    os.set_inheritable(out, False)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    # Children of the same user could otherwise write to our output through /proc.
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    sys.path.remove(ROOT)
    results = [supervise(partial(session.run, job, one), one["seconds"], out) for one in job["sessions"]]
    with os.fdopen(out, "wb") as stream:
        stream.write(json.dumps({"sessions": results}).encode())
