"""Ends a program and all processes that it started, including those that have left its session."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = "NIGHTCREW_HOST_RUN"
"""The environment variable that marks the processes which a program started."""

_ROUNDS = 200
_ROUND_SECONDS = 0.005


def end_all(session: int | None, *, mark: str, known: frozenset[int]) -> None:
    """Kill the session that a program leads, and every process with its `mark` that is not in `known`.

    `known` are the processes from before its start; `session` is None once its id may have been reused.
    """
    if session is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(session, signal.SIGKILL)
    for _ in range(_ROUNDS):
        left = [pid for pid in process_numbers() - known if pid != session and _is_marked(pid, mark)]
        for pid in left:
            with suppress(ProcessLookupError), _held(pid) as descriptor:
                if _is_marked(pid, mark):  # checked again: the pid may have been reused before we opened it
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        if not left:
            return
        time.sleep(_ROUND_SECONDS)


def process_numbers() -> frozenset[int]:
    """The ids of all running processes; empty if the system does not list them."""
    try:
        return frozenset(int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    except OSError:
        return frozenset()


# ---------------------------------------------------------------------------------------------------------


@contextmanager
def _held(pid: int) -> Iterator[int]:
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_marked(pid: int, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
