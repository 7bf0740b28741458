"""Supervises a confined command: feeds it, reads its output, and ends it if it exceeds a limit.

Per-process limits of the kernel (`resource_limits`) are set before the command starts. Limits of the whole
tree (wall time, memory, disk, output) are watched from outside by a thread, or enforced by a control group.
"""

import logging
import os
import resource
import selectors
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from nightcrew.execution.confinement.command import LEAST_PAUSE, Command
from nightcrew.execution.confinement.confinement import MIB, Completed, KilledBy, Limits, Reading
from nightcrew.execution.confinement.results import Results

log = logging.getLogger(__name__)

MOST_PAUSE = 0.4  # seconds between two looks at a calm tree; LEAST_PAUSE at one that uses more
_STEP_BYTES = 16 * MIB  # what others write to the same disk meanwhile is mostly less
_CHUNK = 65_536
_PENDING_SIGNALS = 4096
_ADDRESS_SPACE_FACTOR = 4  # interpreters and allocators reserve several times the memory they use


def resource_limits(limits: Limits, *, processes: bool = True) -> Iterator[tuple[int, tuple[int, int]]]:
    """The kernel's limits for each process, as arguments of `resource.prlimit`."""
    yield resource.RLIMIT_AS, (limits.memory_bytes * _ADDRESS_SPACE_FACTOR,) * 2
    yield resource.RLIMIT_FSIZE, (limits.file_bytes,) * 2
    yield resource.RLIMIT_NOFILE, (limits.open_files,) * 2
    # SIGXCPU of the soft limit can be ignored, SIGKILL of the hard one a second later cannot.
    yield resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1)
    yield resource.RLIMIT_CORE, (0, 0)
    yield resource.RLIMIT_MEMLOCK, (8 * MIB, 8 * MIB)
    yield resource.RLIMIT_SIGPENDING, (_PENDING_SIGNALS,) * 2  # kernel timers count as pending signals
    if processes:
        yield resource.RLIMIT_NPROC, (limits.processes,) * 2


def set_limits(pid: int, limits: Limits, *, processes: bool = True) -> None:
    """Set the kernel's limits for a process and those that it starts; where its own are lower, they stay.

    Raises:
        ProcessLookupError: it has ended.
    """
    for which, wanted in resource_limits(limits, processes=processes):
        try:
            resource.prlimit(pid, which, wanted)
        except PermissionError:  # only root may ask for more than there is
            _, most = resource.prlimit(pid, which)
            resource.prlimit(pid, which, (min(wanted[0], most), min(wanted[1], most)))


type Watch = Callable[[], Reading]
"""A check, made twenty times a second while the tree uses more and more, else two or three times."""


class Supervisor:
    """Runs `command` to its end. `kill` must end the whole tree; it may be called more than once.

    A calm tree is looked at every `most_pause` seconds.
    """

    def __init__(
        self,
        command: Command,
        *,
        kill: Callable[[], None],
        limits: Limits,
        watches: Sequence[Watch],
        results: Results | None = None,
        most_pause: float = MOST_PAUSE,
    ) -> None:
        self._command, self._kill, self._most_pause = command, kill, most_pause
        self._limits, self._watches, self._results = limits, watches, results
        self._killed_by: KilledBy | None = None
        self._fault: Exception | None = None
        self._ended = threading.Event()
        self._started = time.monotonic()

    def finish(self, stdin: bytes) -> Completed:
        """Feed, read and watch until the command has ended; raises what `results` and the watches raise."""
        watcher = threading.Thread(target=self._guard, name=f"watch-{self._command.pid}", daemon=True)
        watcher.start()
        try:
            stdout, stderr = self._pump(stdin)
            self._command.has_ended(None)
            self._kill()
            code = self._command.wait()
        finally:
            self._ended.set()
            watcher.join()
        if self._fault is not None:
            raise self._fault
        # The tree may have exceeded a limit and ended between two checks.
        self._killed_by = self._killed_by or _passed(self._look())
        seconds = time.monotonic() - self._started
        return Completed(128 - code if code < 0 else code, stdout, stderr, seconds, self._killed_by)

    # -----------------------------------------------------------------------------------------------------

    def _end(self, reason: KilledBy) -> None:
        if self._killed_by is None and not self._ended.is_set():
            self._killed_by = reason
            log.info("command %d was ended by its limit on %s", self._command.pid, reason)
        self._kill()

    def _guard(self) -> None:
        try:
            self._watch()
        except Exception as error:  # a tree that cannot be measured has no limits: it must not run on
            self._fault = error
            self._kill()

    def _watch(self) -> None:
        pause, used = LEAST_PAUSE, [0]
        while not self._ended.is_set():
            left = self._limits.wall_seconds - (time.monotonic() - self._started)
            if self._command.has_ended(min(pause, max(left, 0.0))):
                # Remaining processes may keep the output open.
                return self._kill()
            if left <= 0:
                return self._end("wall_time")
            seen = self._look()
            if passed := _passed(seen):
                return self._end(passed)
            before, used = used, [one.used // _STEP_BYTES for one in seen]
            pause = min(2 * pause, self._most_pause) if used == before else LEAST_PAUSE
        return None

    def _look(self) -> list[Reading]:
        return [watch() for watch in self._watches]

    def _pump(self, stdin: bytes) -> tuple[bytes, bytes]:
        """Feed and read until the command has closed its ends."""
        process = self._command
        assert process.stdin and process.stdout and process.stderr
        out, err = bytearray(), bytearray()
        feeder = _Feeder(process.stdin, stdin)
        room, reading = self._limits.output_bytes, 2
        with selectors.DefaultSelector() as selector, process.stdin, process.stdout, process.stderr:
            selector.register(process.stdout, selectors.EVENT_READ, out.extend)
            selector.register(process.stderr, selectors.EVENT_READ, err.extend)
            if self._results is not None:
                selector.register(self._results, selectors.EVENT_READ, self._results)
            if feeder.begin():
                selector.register(process.stdin, selectors.EVENT_WRITE, feeder)
            while reading:
                for key, _ in selector.select():
                    if isinstance(key.data, _Feeder):
                        if key.data.feed():
                            selector.unregister(key.fileobj)
                            key.data.close()
                        continue
                    if isinstance(key.data, Results):
                        selector.unregister(key.fileobj)
                        selector.register(key.data.accept(), selectors.EVENT_READ, key.data.take)
                        reading += 1
                        continue
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                        reading -= 1
                    elif len(chunk) > room:
                        self._end("output")
                    key.data(chunk[:room])
                    room -= len(chunk[:room])
        return bytes(out), bytes(err)


def _passed(seen: Sequence[Reading]) -> KilledBy | None:
    return next((one.limit for one in seen if one.limit is not None), None)


class _Feeder:
    """Writes the input as fast as the command reads it."""

    def __init__(self, stream: IO[bytes], content: bytes) -> None:
        self._stream, self._left = stream, memoryview(content)

    def begin(self) -> bool:
        """Start; False if there is no input, and then the stream is closed."""
        if not self._left:
            self.close()
            return False
        os.set_blocking(self._stream.fileno(), False)
        return True

    def feed(self) -> bool:
        """Write what fits; True once all is written or the reader has closed, when the caller drops us."""
        try:
            self._left = self._left[os.write(self._stream.fileno(), self._left[:_CHUNK]) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:
            self._left = self._left[:0]
        return not self._left

    def close(self) -> None:
        """Close the stream, so that the reader sees its end."""
        self._stream.close()
