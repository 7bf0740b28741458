"""Stands over one confined command: feeds it, reads it, and ends it where it passes a limit.

What the kernel limits per process (`resource_limits`) is set before the command starts; what holds for the
tree as a whole (wall time, memory, disk, output) is watched from outside by a thread.
"""

import logging
import os
import resource
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nightcrew.execution.confinement import MIB, Completed, KilledBy, Limits
from nightcrew.execution.usage import FreeSpace, folder_bytes, tree_bytes

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.05
_CHUNK = 65_536
_ADDRESS_SPACE_FACTOR = 4  # interpreters and allocators reserve several times what they use


def resource_limits(limits: Limits, *, processes: bool = True) -> Iterator[tuple[int, tuple[int, int]]]:
    """The limits that the kernel keeps for each process, as `resource.prlimit` takes them."""
    yield resource.RLIMIT_AS, (limits.memory_bytes * _ADDRESS_SPACE_FACTOR,) * 2
    yield resource.RLIMIT_FSIZE, (limits.file_bytes,) * 2
    yield resource.RLIMIT_NOFILE, (limits.open_files,) * 2
    # The soft limit's SIGXCPU can be ignored; a second later the hard one's SIGKILL cannot.
    yield resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1)
    yield resource.RLIMIT_CORE, (0, 0)
    yield resource.RLIMIT_MEMLOCK, (8 * MIB, 8 * MIB)
    if processes:
        yield resource.RLIMIT_NPROC, (limits.processes,) * 2


class Supervisor:
    """Runs `process` to its end. `kill` must end the whole tree; it may be called more than once."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        root_pid: int,
        kill: Callable[[], None],
        limits: Limits,
        writable: Sequence[Path],
    ) -> None:
        self._process, self._root_pid, self._kill = process, root_pid, kill
        self._limits, self._writable = limits, writable
        self._killed_by: KilledBy | None = None
        self._ended = threading.Event()
        self._started = time.monotonic()

    def finish(self, stdin: bytes, on_stdout: Callable[[bytes], None] | None) -> Completed:
        """Feed, read and watch until the command has ended; raises only what `on_stdout` raises."""
        watcher = threading.Thread(target=self._watch, name=f"watch-{self._process.pid}", daemon=True)
        watcher.start()
        try:
            stdout, stderr = self._pump(stdin, on_stdout)
            code = self._process.wait()
        finally:
            self._ended.set()
            watcher.join()
        seconds = time.monotonic() - self._started
        return Completed(128 - code if code < 0 else code, stdout, stderr, seconds, self._killed_by)

    # -----------------------------------------------------------------------------------------------------

    def _end(self, reason: KilledBy) -> None:
        if self._killed_by is None and not self._ended.is_set():
            self._killed_by = reason
            log.info("command %d ended by its limit on %s", self._process.pid, reason)
        self._kill()

    def _watch(self) -> None:
        disk = _Disk(self._writable, self._limits.workspace_bytes)
        while not self._ended.wait(_TICK_SECONDS):
            if time.monotonic() - self._started > self._limits.wall_seconds:
                return self._end("wall_time")
            if tree_bytes(self._root_pid, self._limits.memory_bytes) > self._limits.memory_bytes:
                return self._end("memory")
            if disk.is_over():
                return self._end("disk")
        return None

    def _pump(self, stdin: bytes, on_stdout: Callable[[bytes], None] | None) -> tuple[bytes, bytes]:
        process, left = self._process, memoryview(stdin)
        assert process.stdin and process.stdout and process.stderr
        collected = {process.stdout: bytearray(), process.stderr: bytearray()}
        room = self._limits.output_bytes
        with selectors.DefaultSelector() as selector, process.stdin, process.stdout, process.stderr:
            for stream in collected:
                selector.register(stream, selectors.EVENT_READ)
            if left:
                os.set_blocking(process.stdin.fileno(), False)
                selector.register(process.stdin, selectors.EVENT_WRITE)
            else:
                process.stdin.close()
            while selector.get_map():
                for key, _ in selector.select():
                    if key.fileobj is process.stdin:
                        left = _feed(process.stdin.fileno(), left)
                        if not left:
                            selector.unregister(process.stdin)
                            process.stdin.close()
                        continue
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                        continue
                    kept, room = chunk[:room], room - len(chunk[:room])
                    if len(kept) < len(chunk):
                        self._end("output")
                    collected[key.fileobj].extend(kept)  # type: ignore[index]
                    if on_stdout and kept and key.fileobj is process.stdout:
                        on_stdout(kept)
        return bytes(collected[process.stdout]), bytes(collected[process.stderr])


def _feed(descriptor: int, left: memoryview) -> memoryview:
    """Write what fits; nothing is left once the reader has gone."""
    try:
        return left[os.write(descriptor, left[:_CHUNK]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]


class _Disk:
    """Growth of the writable folders: measured when the file system lost space, and now and then."""

    def __init__(self, folders: Sequence[Path], limit: int) -> None:
        self._folders, self._limit = folders, limit
        self._start: int | None = None
        self._free = FreeSpace(folders)
        self._due = time.monotonic()

    def is_over(self) -> bool:
        now = time.monotonic()
        if now < self._due and self._free.lost() < self._limit // 4:
            return False
        self._free.reset()
        used = sum(folder_bytes(folder) for folder in self._folders)
        # A walk takes at most a tenth of the time.
        self._due = now + max(2.0, 10 * (time.monotonic() - now))
        if self._start is None:
            self._start = used
        return used - self._start > self._limit
