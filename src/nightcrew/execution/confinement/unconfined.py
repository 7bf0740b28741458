"""Runs commands without confinement: only with limits and a clean environment, in one process group.

`NIGHTCREW_SANDBOX=none` means trust in the models and the repository; every verdict then names "none".
Sandbox paths (workspace, mounts) do not exist here, so they are replaced by the host's in arguments and
environment.
"""

import os
import resource
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from nightcrew import host
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.confinement.bubblewrap import BASE_ENV
from nightcrew.execution.confinement.command import HostCommand
from nightcrew.execution.confinement.confinement import WORKSPACE, Completed, Limits
from nightcrew.execution.confinement.mount import Mount
from nightcrew.execution.confinement.results import Results
from nightcrew.execution.confinement.supervisor import Supervisor, resource_limits
from nightcrew.execution.confinement.usage import Disk, Memory, folder_bytes


class Unconfined:
    """The interface of a sandbox without confinement."""

    name = "none"

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
        """Run `argv` in the workspace itself; children that leave the process group are not ended."""
        shown = [*mounts, *([results.mount] if results else [])]
        places = {WORKSPACE: os.fspath(workspace)} | {
            mount.target: os.fspath(mount.source)
            for mount in shown
            if mount.target != os.fspath(mount.source)
        }
        with temporary_folder("home") as folder:
            home, variables = str(folder), results.env if results else {}
            given = {**BASE_ENV, "HOME": home, "TMPDIR": home, **(env or {}), **variables}
            held = folder_bytes(workspace)
            process = host.start(
                [_placed(word, places) for word in argv],
                env={name: _placed(value, places) for name, value in given.items()},
                folder=workspace,
                stdin=host.PIPE,
                stdout=host.PIPE,
                stderr=host.PIPE,
                umask=0o022,
            )
            try:
                _limit(process.pid, limits)
                disk = Disk([workspace], limits.workspace_bytes, held, lambda: process.pid)
                memory = Memory(process.pid, limits)
                return Supervisor(
                    HostCommand(process),
                    kill=lambda: _kill(process),
                    limits=limits,
                    watches=[memory.over, disk.over],
                    results=results,
                ).finish(stdin)
            finally:
                if process.returncode is None:
                    _kill(process)
                    process.wait()


# ---------------------------------------------------------------------------------------------------------


def _placed(word: str, places: Mapping[str, str]) -> str:
    for inside in sorted(places, key=len, reverse=True):
        word = word.replace(inside, places[inside])
    return word


def _limit(pid: int, limits: Limits) -> None:
    if not hasattr(resource, "prlimit"):  # macOS
        return
    for which, value in resource_limits(limits, processes=False):
        with suppress(ProcessLookupError, ValueError, PermissionError):
            resource.prlimit(pid, which, value)


def _kill(process: host.Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
