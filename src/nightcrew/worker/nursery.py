"""The worker's side of the zygote: starts it, requests children, and learns how they ended."""

import asyncio
import json
import logging
import os
import signal
import socket
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightcrew import host
from nightcrew.errors import Transient
from nightcrew.worker.zygote import logging_of

log = logging.getLogger(__name__)

ENGINE = ("prefect.engine", "prefect.flow_engine", "prefect._internal.metrics")
WATCHED = "**/*.py"
POLL_SECONDS = 0.2


@dataclass(slots=True)
class Child:
    """A forked process, as a process object for Prefect; `returncode` is None while it runs."""

    pid: int
    returncode: int | None = None
    cpu_seconds: float | None = None  # None: the zygote died before it could report it
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Nursery:
    """One zygote for `modules`, started with the first child, and again after its death or source changes."""

    def __init__(self, modules: Sequence[str], sources: Sequence[Path]) -> None:
        self._modules = tuple(modules)
        self._sources = tuple(sources)
        self._zygote: _Zygote | None = None
        self._starting = asyncio.Lock()

    async def fork(self, *, env: Mapping[str, str], cwd: Path) -> Child:
        """A child that runs one flow run.

        Raises:
            Transient: it could not be forked.
        """
        async with self._starting:
            stamp = self._stamp()
            if self._zygote is None or not self._zygote.alive or self._zygote.stamp != stamp:
                self.close()
                self._zygote = await _Zygote.start(self._modules, stamp, logging_of(env))
        return await self._zygote.fork(env=env, cwd=cwd)

    def close(self) -> None:
        """Fork no more children; the zygote ends after its last one."""
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def _stamp(self) -> float:
        """A value that changes with the source files, so that children do not run outdated code."""
        files = (path for folder in self._sources for path in folder.glob(WATCHED))
        return max((path.stat().st_mtime for path in files), default=0.0)


# ---------------------------------------------------------------------------------------------------------


class _Zygote:
    """A running zygote process."""

    def __init__(
        self,
        process: host.AsyncProcess,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        stamp: float,
    ) -> None:
        self.stamp = stamp
        self._process, self._reader, self._writer = process, reader, writer
        self._asked: dict[str, asyncio.Future[Child]] = {}
        self._children: dict[str, Child] = {}
        self._closed = False
        self._tasks = (asyncio.create_task(self._listen()), asyncio.create_task(self._watch()))

    @classmethod
    async def start(cls, modules: Sequence[str], stamp: float, logging_env: Mapping[str, str]) -> "_Zygote":
        ours, theirs = socket.socketpair()
        command = host.python("nightcrew.worker.zygote", str(theirs.fileno()), *ENGINE, *modules)
        with theirs:
            process = await host.start_async(
                command, env={**os.environ, **logging_env}, pass_fds=(theirs.fileno(),)
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=1 << 20)
        log.info("zygote %s loads %s", process.pid, ", ".join(modules))
        return cls(process, reader, writer, stamp)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._closed

    async def fork(self, *, env: Mapping[str, str], cwd: Path) -> Child:
        if self._tasks[0].done():
            raise Transient("the zygote has ended")
        number = uuid.uuid4().hex
        asked: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._asked[number] = asked
        request = {"id": number, "env": dict(env), "cwd": str(cwd)}
        self._writer.write(json.dumps(request).encode() + b"\n")
        return await asked

    def close(self) -> None:
        """Send no more requests. Pending ones are still answered, so that no unknown child runs
        while its flow run is started a second time."""
        if not self._closed:
            self._closed = True
            with suppress(OSError, RuntimeError):  # it has ended already
                self._writer.write_eof()

    async def _watch(self) -> None:
        """Watch the process, because a new child may keep the connection open after the zygote's death."""
        await self._process.wait()
        self._closed = True
        self._writer.close()

    async def _listen(self) -> None:
        with suppress(OSError):  # it died before it read our request
            while line := await self._reader.readline():
                self._hear(json.loads(line))
        for asked in self._asked.values():
            asked.set_exception(Transient("the zygote ended before it could fork"))
        self._asked.clear()
        await asyncio.gather(*(self._outlive(child) for child in self._children.values()))

    def _hear(self, message: dict[str, Any]) -> None:
        number = message["id"]
        if "pid" in message:
            self._children[number] = child = Child(message["pid"])
            self._asked.pop(number).set_result(child)
        elif "refused" in message:
            self._asked.pop(number).set_exception(Transient(message["refused"]))
        else:
            child = self._children.pop(number)
            child.cpu_seconds = message["cpu_seconds"]
            child.returncode = message["exit_code"]
            child.ended.set()

    async def _outlive(self, child: Child) -> None:
        """Wait for the children of a dead zygote; their exit codes are unknown."""
        while _is_alive(child.pid):
            await asyncio.sleep(POLL_SECONDS)
        child.returncode = -signal.SIGKILL
        child.ended.set()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
