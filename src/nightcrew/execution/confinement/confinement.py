"""The interface of a sandbox and its data types; `sandbox.py` opens one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from nightcrew.execution.confinement.mount import Mount
from nightcrew.execution.confinement.results import Results

WORKSPACE = "/workspace"
"""The path of the workspace in every sandbox, and the working folder of commands."""

MIB = 1024 * 1024

type KilledBy = Literal["wall_time", "memory", "disk", "output", "cancelled"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one command with all its processes."""

    wall_seconds: float = 600.0
    cpu_seconds: int = 600  # of one process
    memory_bytes: int = 2048 * MIB  # of all processes together
    processes: int = 256
    cpus: float = 2.0  # for all processes together, if control groups are available
    open_files: int = 1024
    file_bytes: int = 256 * MIB  # of one file
    workspace_bytes: int = 1024 * MIB  # total growth of the writable folders
    output_bytes: int = 4 * MIB  # stdout and stderr together


class Reading(NamedTuple):
    """What a watch sees: the limit that the tree has exceeded, or None; and what it uses, in bytes.

    `used` only has to change when more is used. It is 0 where the kernel enforces the limit.
    """

    limit: KilledBy | None
    used: int = 0


@dataclass(frozen=True, slots=True)
class Completed:
    """The result of a command; `killed_by` names the limit that ended it, or None.

    `returncode` is 128 + n if signal n ended the command.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float
    killed_by: KilledBy | None


class Sandbox(Protocol):
    """Runs untrusted commands."""

    @property
    def name(self) -> str:
        """The kind of confinement, which every verdict names."""
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
        results: Results | None = None,
    ) -> Completed:
        """Run `argv` to its end; all its processes have ended when this returns or raises.

        `results` is the channel through which a trusted program in the sandbox reports its result.
        """
        ...
