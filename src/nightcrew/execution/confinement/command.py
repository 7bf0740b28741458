"""A running command as its supervisor sees it."""

import os
import select
import time
from contextlib import suppress
from typing import IO, Protocol

from nightcrew import host

LEAST_PAUSE = 0.05  # seconds


class Command(Protocol):
    """A running command: a process of the host, or one that was forked elsewhere."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def has_ended(self, seconds: float | None) -> bool:
        """Wait for its end, at most for `seconds` (None: until it comes); its pid is not reused yet."""
        ...

    def wait(self) -> int:
        """Its exit code; -n if signal n ended it."""
        ...


class HostCommand:
    """A process that we started."""

    def __init__(self, process: host.Process) -> None:
        self._process = process
        self.pid, self.wait = process.pid, process.wait
        self.stdin, self.stdout, self.stderr = process.stdin, process.stdout, process.stderr

    def has_ended(self, seconds: float | None) -> bool:
        """See `Command`. It is not reaped; without a process descriptor (macOS), it waits in short steps."""
        if not hasattr(os, "waitid"):  # macOS, where commands only run unconfined
            if seconds is None:
                return self._process.wait() is not None
            time.sleep(min(seconds, LEAST_PAUSE))
            return self._process.poll() is not None
        if seconds:
            _pause(self.pid, seconds)
        options = os.WEXITED | os.WNOWAIT | (0 if seconds is None else os.WNOHANG)
        with suppress(ChildProcessError):
            return os.waitid(os.P_PID, self.pid, options) is not None
        return True


# ---------------------------------------------------------------------------------------------------------


def _pause(pid: int, seconds: float) -> None:
    """Wait until the process has ended, at most for `seconds`."""
    poll, descriptor = select.poll(), None
    with suppress(OSError, AttributeError):  # without one (old kernels), in short steps
        descriptor = os.pidfd_open(pid)
        poll.register(descriptor, select.POLLIN)
    try:
        poll.poll(1000 * (seconds if descriptor is not None else min(seconds, LEAST_PAUSE)))
    finally:
        if descriptor is not None:
            os.close(descriptor)
