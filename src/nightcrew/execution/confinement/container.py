"""Confinement by a container engine, podman or docker, with the same guarantees as bubblewrap.

No network, a read-only root, no capabilities, no new privileges, our seccomp rules, limits by control groups.
The container starts from an image that only has mount points and a user, with the host's system mounted
read-only, or from the operator's image or root folder with its own system.
"""

import json
import logging
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nightcrew import host
from nightcrew.errors import BadInput, NightcrewError, Transient
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.confinement.bubblewrap import BASE_ENV, ETC, SCRATCH_BYTES, SCRATCH_INODES
from nightcrew.execution.confinement.command import LEAST_PAUSE, HostCommand
from nightcrew.execution.confinement.confinement import WORKSPACE, Completed, Limits, Reading
from nightcrew.execution.confinement.control_groups import has_killed, memory_group
from nightcrew.execution.confinement.engine import Engine, last_line, mount_option, unavailable
from nightcrew.execution.confinement.identity import HOST_ID, INSIDE_ID, Identity, is_real_root
from nightcrew.execution.confinement.mount import Mount
from nightcrew.execution.confinement.mounts import (
    SYSTEM_FILES,
    SYSTEM_FOLDERS,
    checked,
    is_handed_over,
)
from nightcrew.execution.confinement.results import Results
from nightcrew.execution.confinement.scratch import ScratchSpace
from nightcrew.execution.confinement.seccomp import seccomp_profile
from nightcrew.execution.confinement.supervisor import Supervisor
from nightcrew.execution.confinement.usage import Disk

log = logging.getLogger(__name__)

_ENGINE_FAILED = 125
_TO_START_SECONDS = 20.0  # for the engine's start, in addition to the command's time
_FIRST_PROCESS = ("/bin/sh", "-c", '"$@"; exit $?', "sh")
"""Starts the command and reaps orphans; most signals have no effect on a container's first process."""


@dataclass(frozen=True, slots=True)
class ContainerRoot:
    """The source of a container's root file system; by default the image that we build."""

    image: str = ""
    folder: Path | None = None

    @property
    def is_ours(self) -> bool:
        """True if the container uses the host's system."""
        return not self.image and self.folder is None


class Container:
    """A sandbox of the engine with that name.

    Raises:
        BadInput: docker cannot start from a folder.
    """

    def __init__(self, engine: str, root: ContainerRoot = ContainerRoot()) -> None:
        if root.folder is not None and engine != "podman":
            raise BadInput(
                f"NIGHTCREW_SANDBOX_ROOT works with podman; {engine} starts from an image: set "
                "NIGHTCREW_SANDBOX_IMAGE"
            )
        self.name = engine
        self._engine, self._root = Engine(engine), root
        self._host_id = HOST_ID if is_real_root() else None
        self._start_from: list[str] = []

    def prove(self) -> None:
        """Build the image if it is missing, and run a trivial command.

        Raises:
            SandboxUnavailable: with the cause and the options.
        """
        if self._root.folder is not None:
            self._start_from = ["--rootfs", f"{self._root.folder}:O"]
        else:
            self._start_from = [self._root.image or self._engine.image(self._files())]
        try:
            done = self.run(["/bin/true"], workspace=Path("/usr"), read_only_workspace=True)
        except Transient as error:
            raise unavailable(self.name, str(error)) from None
        if done.returncode != 0:
            raise unavailable(self.name, f"/bin/true ended with {done.returncode}: {last_line(done.stderr)}")

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
        """Run `argv` in a container of its own, see `Sandbox.run`.

        Raises:
            BadInput: a mount is refused.
            Transient: the engine could not start the container.
        """
        identity = Identity((), (), host_id=self._host_id)
        own = [Mount(workspace, WORKSPACE, writable=not read_only_workspace), *mounts]
        shown = checked(own if results is None else [*own, results.mount], identity)
        given = {**BASE_ENV, **(env or {}), **(results.env if results is not None else {})}
        held = sum(identity.adopt(mount.source) for mount in shown if is_handed_over(mount))
        writable = [mount.source for mount in shown if mount.writable and mount.source.is_dir()]
        with _Started(self._engine) as started:
            words = [*self._options(started, shown, limits), *self._start_from, *_FIRST_PROCESS, *argv]
            started.begin(words, given)
            disk = Disk(writable, limits.workspace_bytes, held, started.root_pid)
            allowed = replace(limits, wall_seconds=limits.wall_seconds + _TO_START_SECONDS)
            watches = [disk.over, lambda: started.over(limits.wall_seconds)]
            supervisor = Supervisor(
                HostCommand(started.process),
                kill=started.kill,
                limits=allowed,
                watches=watches,
                results=results,
                most_pause=LEAST_PAUSE,  # what the kernel did is known only as long as the container is there
            )
            return started.checked(supervisor.finish(stdin))

    # -----------------------------------------------------------------------------------------------------

    def _files(self) -> dict[str, str]:
        """The generated files of /etc, with the command's user."""
        user = self._host_id or os.getuid()
        return {name: text.replace(str(INSIDE_ID), str(user)) for name, text in ETC.items()}

    def _options(self, started: "_Started", mounts: Sequence[Mount], limits: Limits) -> Iterator[str]:
        user = self._host_id or os.getuid()
        yield from ("--name", started.name, "--interactive", "--pull", "never", "--log-driver", "none")
        yield from ("--network", "none", "--ipc", "none", "--hostname", "nightcrew", "--read-only")
        yield from ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", f"{user}:{user}")
        yield from ("--security-opt", f"seccomp={started.file('seccomp.json', seccomp_profile())}")
        if self.name == "podman":
            yield from ("--read-only-tmpfs=false", "--no-hosts", "--pidfile", str(started.pid_file))
            if self._host_id is None:
                yield from ("--userns", "keep-id")
        yield from _limits(limits)
        empty = ",notmpcopyup" if self.name == "podman" else ""  # so that nothing is copied from the root
        for folder, size in SCRATCH_BYTES.items():
            # Podman does not know the option: `ScratchSpace` limits the inodes there.
            more = empty or f",nr_inodes={SCRATCH_INODES[folder]}"
            yield from ("--tmpfs", f"{folder}:rw,nosuid,nodev,exec,mode=1777,size={size}{more}")
        yield from ("--tmpfs", f"/sys:ro,size=4k{empty}", "--workdir", WORKSPACE)
        for mount in [*(_system() if self._root.is_ours else ()), *mounts]:
            yield "--mount"
            yield mount_option(os.fspath(mount.source), mount.target, writable=mount.writable)


class _Started(ExitStack):
    """A running container with its engine command; both have ended when the context is left."""

    process: host.Process

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self.name = f"nightcrew-{uuid.uuid4().hex}"
        self._begun: float | None = None
        self._pid: int | None = None
        self._is_ending = False
        self._memory: Path | None = None
        self._scratch: ScratchSpace | None = None

    def __enter__(self) -> "_Started":
        self._folder = self.enter_context(temporary_folder("container"))
        return self

    @property
    def pid_file(self) -> Path:
        return self._folder / "pid"

    def file(self, name: str, content: Mapping[str, object]) -> Path:
        (self._folder / name).write_text(json.dumps(content))
        return self._folder / name

    def begin(self, words: Sequence[str], given: Mapping[str, str]) -> None:
        """Start the container. Private values are passed in the environment, not as arguments."""
        open_ones = {name: value for name, value in given.items() if name in BASE_ENV}
        hidden = {name: value for name, value in given.items() if name not in BASE_ENV}
        variables = [f"--env={name}={value}" for name, value in open_ones.items()]
        variables += [f"--env={name}" for name in hidden]
        self.callback(self._remove)
        self.process = host.start(
            [*self._engine.command, "run", *variables, *words],
            env={**hidden, **self._engine.environment},
            stdin=host.PIPE,
            stdout=host.PIPE,
            stderr=host.PIPE,
        )
        self.callback(self._end_command)

    def root_pid(self) -> int | None:
        """The pid of the container's first process, once the engine reports it."""
        with suppress(OSError, ValueError, NightcrewError):
            self._pid = self._pid or self._reported_pid()
        return self._pid

    def over(self, wall_seconds: float) -> Reading:
        """Whether the command exceeded a limit, as far as the engine does not report it itself.

        The engine's start-up does not count if it reports when the command started.
        """
        if self._begun is None:
            self._begin_to_watch()
        if self._begun is not None and time.monotonic() - self._begun > wall_seconds:
            return Reading("wall_time")
        if self._memory is not None and has_killed(self._memory):
            return Reading("memory")
        return self._scratch.over() if self._scratch is not None else Reading(None)

    def _reported_pid(self) -> int | None:
        if self._engine.name == "podman":
            return int(self.pid_file.read_text())
        number, pid = self._engine.call("inspect", "--format", "{{.Id}} {{.State.Pid}}", self.name).split()
        # A service on another machine reports pids that mean other processes here.
        return int(pid) if number in Path(f"/proc/{pid}/cgroup").read_text() else None

    def _begin_to_watch(self) -> None:
        pid = self.root_pid()
        if pid is not None:
            self._memory = memory_group(pid)
            self._scratch = self.enter_context(ScratchSpace(pid, SCRATCH_INODES))
            self._begun = time.monotonic()

    def kill(self) -> None:
        """End every process of the container. Idempotent."""
        if self._is_ending or self.process.poll() is not None:
            return
        self._is_ending = True
        if self._engine.name != "podman":  # docker's service waits until its output is read, here for us
            self.process.kill()
        try:
            self._engine.call("kill", "--signal", "KILL", self.name)
        except NightcrewError:  # it does not exist yet, or no longer
            self.process.kill()

    def checked(self, completed: Completed) -> Completed:
        """Distinguish a failed engine from a failed command, and from one ended by its memory limit."""
        try:
            wanted = "{{.State.OOMKilled}} {{.State.ExitCode}}"
            state = self._engine.call("inspect", "--format", wanted, self.name)
        except NightcrewError:
            raise Transient(f"{self._engine.name}: {last_line(completed.stderr)}") from None
        killed, _, code = state.partition(" ")
        if killed == "true" and completed.killed_by is None:
            return replace(completed, killed_by="memory")
        if completed.returncode == _ENGINE_FAILED and code != str(_ENGINE_FAILED):
            raise Transient(f"{self._engine.name}: {last_line(completed.stderr)}")
        return completed

    def _end_command(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _remove(self) -> None:
        try:
            self._engine.call("rm", "--force", "--volumes", self.name)
        except NightcrewError as error:
            log.error("container %s could not be removed: %s", self.name, error)


# ---------------------------------------------------------------------------------------------------------


def _limits(limits: Limits) -> Iterator[str]:
    yield from ("--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes))
    yield from ("--pids-limit", str(limits.processes), "--cpus", str(min(limits.cpus, os.cpu_count() or 1)))
    files, size, seconds = limits.open_files, limits.file_bytes, limits.cpu_seconds
    for name, most in (("nofile", files), ("fsize", size), ("core", 0), ("memlock", 8 << 20)):
        yield from ("--ulimit", f"{name}={most}:{most}")
    yield from ("--ulimit", f"cpu={seconds}:{seconds + 1}", "--ulimit", "sigpending=4096:4096")
    yield from (
        "--ulimit",
        "nproc=4096:4096",
    )  # per user in all containers; each container has its own limit above


def _system() -> Iterator[Mount]:
    """The mounts of the host's system, for our own image, which only has mount points and links."""
    for folder in map(Path, ("/usr", *SYSTEM_FOLDERS)):
        if folder.is_dir() and not folder.is_symlink():
            yield Mount(folder, os.fspath(folder))
    for file in map(Path, SYSTEM_FILES):
        if file.exists():
            yield Mount(file.resolve(), os.fspath(file))
