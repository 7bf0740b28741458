"""How a program of the rig is told its job and tells its results, where the code under test cannot.

This process never imports the code under test, and makes itself unreadable to its children.
"""

import contextlib
import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).resolve().parent.parent)
PR_SET_DUMPABLE = 4
RESULTS = "NIGHTCREW_RESULTS"


def tell(work: "Callable[[dict[str, Any], int], dict[str, Any]]") -> None:
    """The job on stdin; what `work` makes of it, given the descriptor that no child may keep, as one JSON
    document at the results socket."""
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
    results.sendall(json.dumps(work(job, results.fileno())).encode())
    results.close()
