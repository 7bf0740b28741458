"""What is asked of a sandbox and what comes back. Shapes only; `sandbox.py` is the door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from nightcrew.execution.confinement.results import Results

WORKSPACE = "/workspace"
"""Where the workspace is inside every sandbox, and the folder a command starts in."""

MIB = 1024 * 1024

type KilledBy = Literal["wall_time", "memory", "disk", "output", "cancelled"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command, with everything it starts, may use."""

    wall_seconds: float = 600.0
    cpu_seconds: int = 600  # of one process
    memory_bytes: int = 2048 * MIB  # of the whole tree
    processes: int = 256
    cpus: float = 2.0  # of the machine's, for the whole tree, where control groups can be had
    open_files: int = 1024
    file_bytes: int = 256 * MIB  # of one file
    workspace_bytes: int = 1024 * MIB  # growth of the writable folders together
    output_bytes: int = 4 * MIB  # stdout and stderr together


@dataclass(frozen=True, slots=True)
class Mount:
    """A file, folder or unix socket of the host, shown inside at `target`."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended. `killed_by` names the limit that ended it, None where it ended by itself.

    `returncode` is 128 + n where signal n ended the command.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float
    killed_by: KilledBy | None


class Sandbox(Protocol):
    """Runs commands that nobody trusts."""

    @property
    def name(self) -> str:
        """How code is confined; every verdict carries it."""
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        workspace: Path,
        mounts: Sequence[Mount] = (),
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        limits: Limits = Limits(),
        read_only_workspace: bool = False,
        results: "Results | None" = None,
    ) -> Completed:
        """Run `argv` to its end; when this returns or raises, every process it started is dead.

        `results`: where a program that has to be believed tells what came of it.
        """
        ...
