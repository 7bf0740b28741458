"""One run of bubblewrap: its descriptors and processes, the release of the command, and the end."""

import json
import logging
import os
import secrets
import selectors
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from nightcrew import host
from nightcrew.errors import Transient
from nightcrew.execution.confinement.confinement import Completed, Limits
from nightcrew.execution.confinement.identity import Identity, unavailable
from nightcrew.execution.confinement.supervisor import set_limits
from nightcrew.execution.confinement.usage import tree_pids

log = logging.getLogger(__name__)

_START_SECONDS = 20.0
_END_SECONDS = 20.0
_LOOK_SECONDS = 0.001
_NICENESS = 5  # our own processes have priority
_NO_SUCH_COMMAND = 127  # a shell's exit code for it


class Launch(ExitStack):
    """A context manager: all its processes have ended when it is left.

    `files` are generated in the sandbox, by path below /etc; an empty `seccomp` is no filter.
    """

    process: host.Process

    def __init__(self, bwrap: str, identity: Identity, seccomp: bytes, files: Mapping[str, str]) -> None:
        super().__init__()
        self._bwrap, self._identity, self._seccomp, self._files = bwrap, identity, seccomp, files
        self._status = b""
        self._mark = f"/.nightcrew-{secrets.token_hex(8)}"
        self._init: int | None = None  # a descriptor of the namespace's first process

    def start(self, options: Sequence[str], argv: Sequence[str]) -> None:
        """Start bubblewrap; the command itself waits for `release`, which is called after `wait`."""
        with ExitStack() as passed:
            self._status_fd, status = self._pipe(passed)
            gate, self._gate = self._pipe(passed, keep_reader=False)
            seccomp = [_memory(passed, self._seccomp)] if self._seccomp else []
            files = {f"/etc/{name}": _memory(passed, text.encode()) for name, text in self._files.items()}
            words = ["--dir", self._mark, "--perms", "0755", "--dir", "/etc"]
            for name, fd in files.items():
                words += ["--perms", "0644", "--ro-bind-data", str(fd), name]
            words += [*options, *(word for fd in seccomp for word in ("--seccomp", str(fd)))]
            words += ["--json-status-fd", str(status), "--block-fd", str(gate)]
            # Options are passed through a descriptor, because all users of the host can read arguments.
            arguments = _memory(passed, b"".join(os.fsencode(word) + b"\0" for word in words))
            self.process = host.start(
                [self._bwrap, "--args", str(arguments), "--", *self._identity.prefix, *argv],
                env={},
                stdin=host.PIPE,
                stdout=host.PIPE,
                stderr=host.PIPE,
                pass_fds=[status, gate, *seccomp, arguments, *files.values(), *self._identity.descriptors],
                umask=0o022,  # the usual one in a sandbox; other users cannot reach its files
            )
            self.callback(self._end)

    def wait(self) -> int:
        """Wait until the command can start; returns the pid of the namespace's first process."""
        self._wait(self._status_fd, _START_SECONDS)
        self._read_status()
        if b"\n" not in self._status:  # it ended before, or while, it wrote
            self.process.kill()
            assert self.process.stderr
            self._fail(self.process.stderr.read())
        self._init_pid = int(json.loads(self._status.splitlines()[0])["child-pid"])
        with suppress(ProcessLookupError):  # it has ended already; `checked` says why
            self._init = os.pidfd_open(self._init_pid)
        # All mounts are done once the new root, which alone has our mark, has become the root.
        deadline = time.monotonic() + _START_SECONDS
        while not Path(f"/proc/{self._init_pid}/root{self._mark}").exists():
            if self._has_exited() or time.monotonic() > deadline:
                break
            time.sleep(_LOOK_SECONDS)
        return self._init_pid

    def release(self, limits: Limits | None) -> None:
        """Set the limits of each process, None for none, and start the command."""
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self._init_pid, _NICENESS)
            if limits is not None:
                set_limits(self._init_pid, limits)
        with suppress(BrokenPipeError):  # it has ended already; `checked` says why
            os.write(self._gate, b".")

    def kill(self) -> None:
        """End every process of the sandbox. Thread-safe and idempotent."""
        if self._init is None:  # it may have a child that does not end with it yet
            for pid in list(tree_pids(self.process.pid))[1:]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.kill()
        if self._init is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)

    def checked(self, completed: Completed) -> Completed:
        """Distinguish a failed set-up of the sandbox from a failed or missing command."""
        self._read_status()
        if b'"exit-code"' in self._status or completed.killed_by is not None:
            return completed
        if completed.stderr.startswith(b"bwrap: execvp "):
            return replace(completed, returncode=_NO_SUCH_COMMAND)
        return self._fail(completed.stderr)

    # -----------------------------------------------------------------------------------------------------

    def _has_exited(self) -> bool:
        if self.process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def _read_status(self) -> None:
        while b"\n" not in self._status or self.process.poll() is not None:
            chunk = os.read(self._status_fd, 4096)
            self._status += chunk
            if not chunk:
                return

    def _fail(self, stderr: bytes) -> NoReturn:
        lines = stderr.decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines else "bubblewrap ended without a message"
        if "namespace" in why or "setting up uid map" in why or "Operation not permitted" in why:
            raise unavailable(why)
        raise Transient(f"the sandbox could not be set up: {why}")

    def _end(self) -> None:
        """End all processes: the namespace's first process only ends after all others."""
        self.kill()
        self.process.wait()
        if self._init is not None and not self._wait(self._init, _END_SECONDS):
            log.error("processes of sandbox %d did not end in %.0f s", self._init_pid, _END_SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if self._init is not None:
            os.close(self._init)

    @staticmethod
    def _wait(descriptor: int, seconds: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def _pipe(self, passed: ExitStack, *, keep_reader: bool = True) -> tuple[int, int]:
        """A pipe with one end for us and one for bubblewrap."""
        ends = os.pipe2(os.O_CLOEXEC)
        ours, theirs = ends if keep_reader else reversed(ends)
        self.callback(os.close, ours)
        passed.callback(os.close, theirs)
        return ends


def _memory(owner: ExitStack, content: bytes) -> int:
    """A file in memory with `content`, open at its start."""
    descriptor = os.memfd_create("nightcrew", os.MFD_CLOEXEC)
    owner.callback(os.close, descriptor)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
