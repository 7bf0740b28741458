"""The trusted side of a forked command: hands over what it may see, sets its limits and supervises it.

It is confined like a command of `bubblewrap.py`, but in a process that has a program loaded (`parent.py`).
"""

import json
import logging
import os
import select
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from nightcrew import host
from nightcrew.errors import Transient
from nightcrew.execution.confinement.bubblewrap import BASE_ENV, SCRATCH_BYTES, SCRATCH_INODES
from nightcrew.execution.confinement.confinement import WORKSPACE, Completed, Limits
from nightcrew.execution.confinement.control_groups import ControlGroup
from nightcrew.execution.confinement.forking.clones import Wanted, clone_all
from nightcrew.execution.confinement.forking.parent import CONFINED, GO, Order
from nightcrew.execution.confinement.identity import HOST_ID, Identity, is_real_root
from nightcrew.execution.confinement.mount import Mount
from nightcrew.execution.confinement.mounts import SYSTEM_FOLDERS, checked, is_handed_over
from nightcrew.execution.confinement.results import Results
from nightcrew.execution.confinement.scratch import ScratchSpace
from nightcrew.execution.confinement.seccomp import seccomp_program
from nightcrew.execution.confinement.supervisor import Supervisor, set_limits
from nightcrew.execution.confinement.usage import Disk, Memory

log = logging.getLogger(__name__)

READY_SECONDS = 90.0
"""How long the first one waits for the parent to load its program."""

_CREDENTIALS = "3i"
_NICENESS = 5
_CLONE_SECONDS = 20.0


class NotForked(Transient):
    """No process could be forked or confined; nothing of the command has run."""


class Forked:
    """Runs commands in processes forked from the one that listens at `path`; `kept` are its own mounts."""

    name = "bubblewrap"

    def __init__(self, path: Path, kept: Sequence[Mount]) -> None:
        self._path, self._kept = path, kept
        self._identity = Identity((), (), host_id=HOST_ID if is_real_root() else None)

    def run(
        self,
        argv: Sequence[str],
        *,
        workspace: Path,
        mounts: Sequence[Mount] = (),
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        limits: Limits = Limits(),  # noqa: B008 - frozen
        read_only_workspace: bool = False,
        results: Results | None = None,
    ) -> Completed:
        """Run the loaded program with the words `argv`, else as `Sandbox.run`.

        Raises:
            BadInput: a mount is refused.
            NotForked: nothing of the command has run.
            Transient: the command was ended from outside, as when the process that forked it ends.
        """
        own = [Mount(workspace, WORKSPACE, writable=not read_only_workspace), *mounts]
        shown = checked(own if results is None else [*own, results.mount], self._identity)
        shown = [mount for mount in shown if mount not in self._kept]
        given = {**BASE_ENV, **(env or {}), **(results.env if results is not None else {})}
        with ControlGroup(limits) as group, ExitStack() as stack:
            held = sum(self._identity.adopt(mount.source) for mount in shown if is_handed_over(mount))
            process = ForkedProcess(self._path, _order(argv, given, self._kept, shown), shown)
            stack.callback(process.close)
            writable = [mount.source for mount in shown if mount.writable and mount.source.is_dir()]
            disk = Disk(writable, limits.workspace_bytes, held, lambda: process.pid)
            group.take(process.pid)
            scratch = stack.enter_context(ScratchSpace(process.pid, SCRATCH_INODES))
            process.release(limits)
            memory = group if group.counts_memory else Memory(process.pid, limits, scratch)
            watches = [memory.over, scratch.over, disk.over]
            supervisor = Supervisor(
                process, kill=process.kill, limits=limits, watches=watches, results=results
            )
            completed = supervisor.finish(stdin)
        if completed.killed_by is None and not process.has_answered:
            raise Transient("its sandbox was ended from outside")
        return completed


class ForkedProcess:
    """The first process of a forked command's namespaces; all others end with it, and it ends with us.

    Raises:
        NotForked: it could not be forked or confined.
    """

    def __init__(self, path: Path, order: Order, shown: Sequence[Mount]) -> None:
        self.has_answered = False  # how its command ended, which no command can keep it from
        self._resources = ExitStack()
        try:
            self._connection = self._resources.enter_context(socket.socket(socket.AF_UNIX))
            self._connection.settimeout(READY_SECONDS)
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._connection.connect(os.fspath(path))
            streams = self._ask(order, shown)
            self.stdin: IO[bytes] | None = streams[0]
            self.stdout: IO[bytes] | None = streams[1]
            self.stderr: IO[bytes] | None = streams[2]
            self.pid = self._confined()
            self._descriptor = os.pidfd_open(self.pid)
            self._resources.callback(os.close, self._descriptor)
        except OSError as error:
            self._resources.close()
            raise NotForked(f"no process could be forked for it: {error}") from None
        except BaseException:
            self._resources.close()
            raise
        self._resources.callback(self._end)

    def release(self, limits: Limits) -> None:
        """Set the limits of each process and let the command begin."""
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self.pid, _NICENESS)
            set_limits(self.pid, limits)
        self._connection.settimeout(None)
        with suppress(OSError):  # it has ended, which the supervisor sees
            self._connection.sendall(GO)

    def has_ended(self, seconds: float | None) -> bool:
        """See `Command`."""
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def wait(self) -> int:
        """See `Command`; a process that could not say how its command ended was killed."""
        self.has_ended(None)
        answer = b""
        with suppress(OSError):
            while piece := self._connection.recv(64):
                answer += piece
        self.has_answered = answer.strip().isdigit()
        return int(answer) if self.has_answered else -signal.SIGKILL

    def kill(self) -> None:
        """End every process of the command. Thread-safe and idempotent."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def close(self) -> None:
        """Leave nothing of it."""
        self._resources.close()

    # -----------------------------------------------------------------------------------------------------

    def _ask(self, order: Order, shown: Sequence[Mount]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        """Send the order with its descriptors; our ends of the three streams."""
        with ExitStack() as passed:
            streams = []
            ours: list[IO[bytes]] = []
            for number in range(3):
                reader, writer = os.pipe2(os.O_CLOEXEC)
                theirs, mine = (reader, writer) if number == 0 else (writer, reader)
                passed.callback(os.close, theirs)
                streams.append(theirs)
                ours.append(
                    self._resources.enter_context(os.fdopen(mine, "wb" if number == 0 else "rb", buffering=0))
                )
            mounts = _cloned([(os.fspath(mount.source), mount.writable) for mount in shown])
            for descriptor in mounts:
                passed.callback(os.close, descriptor)
            body = json.dumps(order).encode()
            socket.send_fds(self._connection, [len(body).to_bytes(8, "big")], [*streams, *mounts])
            self._connection.sendall(body)
        return ours[0], ours[1], ours[2]

    def _confined(self) -> int:
        """Wait until it is confined; its pid, which the kernel says."""
        room = socket.CMSG_SPACE(struct.calcsize(_CREDENTIALS))
        sign, ancillary, _, _ = self._connection.recvmsg(1, room)
        for level, kind, content in ancillary:
            if sign == CONFINED and (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                return int(struct.unpack(_CREDENTIALS, content)[0])
        why = self._connection.recv(1000).decode(errors="replace").strip() if sign else ""
        raise NotForked(f"no process could be confined for it: {why or 'its parent ended'}")

    def _end(self) -> None:
        self.kill()
        self.has_ended(20.0)


# ---------------------------------------------------------------------------------------------------------


def _order(
    words: Sequence[str], env: Mapping[str, str], kept: Sequence[Mount], shown: Sequence[Mount]
) -> Order:
    system = [folder for folder in ("/usr", "/etc", *SYSTEM_FOLDERS) if _is_own_folder(folder)]
    return Order(
        env=dict(env),
        words=list(words),
        folder=WORKSPACE,
        kept=[*system, *(mount.target for mount in kept)],
        targets=[mount.target for mount in shown],
        scratch=[(folder, size, SCRATCH_INODES[folder]) for folder, size in SCRATCH_BYTES.items()],
        seccomp=seccomp_program().hex(),
    )


def _is_own_folder(folder: str) -> bool:
    return Path(folder).is_dir() and not Path(folder).is_symlink()


def _cloned(wanted: Sequence[Wanted]) -> list[int]:
    if is_real_root():
        return clone_all(wanted)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(_CLONE_SECONDS)
        done = host.run(
            host.python("nightcrew.execution.confinement.forking.clones", str(theirs.fileno())),
            env=host.environment(),
            seconds=_CLONE_SECONDS,
            stdin=json.dumps(wanted).encode(),
            pass_fds=(theirs.fileno(),),
        )
        if done.returncode:
            raise OSError(done.stderr.decode(errors="replace").strip().splitlines()[-1:])
        _, descriptors, _, _ = socket.recv_fds(ours, 1, len(wanted))
    return descriptors
