"""Feeds a program's input and reads its output, within limits of time and size."""

import os
import selectors
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import IO

_CHUNK = 65_536
_DRAIN_SECONDS = 5.0  # to read the rest of the pipes after the program has ended


class Exchange(ExitStack):
    """Feeds and reads the process `pid`. A context manager, because it holds a process descriptor."""

    def __init__(self, pid: int, *streams: IO[bytes] | None) -> None:
        super().__init__()
        stdin, stdout, stderr = streams
        assert stdin and stdout and stderr
        self._pid, self._stdin = pid, stdin
        self._out, self._err = stdout.fileno(), stderr.fileno()
        self._kept = {self._out: bytearray(), self._err: bytearray()}
        self._left, self._room, self._deadline = memoryview(b""), 0, 0.0

    @property
    def stdout(self) -> bytes:
        """What came so far."""
        return bytes(self._kept[self._out])

    @property
    def stderr(self) -> bytes:
        """What came so far."""
        return bytes(self._kept[self._err])

    def finish(self, stdin: bytes, end: Callable[[], None], *, room: int, deadline: float) -> None:
        """Go on until the program has ended; `end` then ends what it left, which may hold the output open.

        `room` is how many bytes may come, `deadline` a time of `time.monotonic`.

        Raises:
            TimeoutError, OverflowError: a bound was reached.
        """
        self._left, self._room, self._deadline = memoryview(stdin), room, deadline
        with selectors.DefaultSelector() as selector:
            for descriptor in self._kept:
                selector.register(descriptor, selectors.EVENT_READ, self._take)
            for descriptor in self._end_descriptor():
                selector.register(descriptor, selectors.EVENT_READ, lambda _: self._has_ended(end))
            os.set_blocking(self._stdin.fileno(), False)
            selector.register(self._stdin, selectors.EVENT_WRITE, self._feed)
            while selector.get_map():
                ready = selector.select(max(0.0, self._deadline - time.monotonic()))
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    is_over = key.data(key.fd)
                    if is_over:
                        selector.unregister(key.fileobj)
                    if is_over and key.fileobj is self._stdin:
                        self._stdin.close()

    def _end_descriptor(self) -> tuple[int, ...]:
        """Can be read once the process has ended; where the system has no such, its closed pipes tell."""
        if not hasattr(os, "pidfd_open"):
            return ()
        descriptor = os.pidfd_open(self._pid)
        self.callback(os.close, descriptor)
        return (descriptor,)

    def _has_ended(self, end: Callable[[], None]) -> bool:
        end()
        self._deadline = time.monotonic() + _DRAIN_SECONDS
        return True

    def _feed(self, descriptor: int) -> bool:
        """Write what fits; True once nothing is left, or the reader has closed."""
        try:
            self._left = self._left[os.write(descriptor, self._left[:_CHUNK]) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:
            return True
        return not self._left

    def _take(self, descriptor: int) -> bool:
        """Keep what came; True at the end."""
        chunk = os.read(descriptor, _CHUNK)
        self._room -= len(chunk)
        if self._room < 0:
            raise OverflowError
        self._kept[descriptor] += chunk
        return not chunk
