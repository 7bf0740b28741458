"""The user's commands, run in the sandbox on a temporary copy of a tree."""

from collections.abc import Mapping
from pathlib import Path

from nightcrew.execution.sandbox import Completed, Limits
from nightcrew.validation.running.clean_room import CleanRoom

_LIMITS = Limits(wall_seconds=600.0, cpu_seconds=600)


def run_command(
    room: CleanRoom,
    tree: Path,
    command: str,
    *,
    replaced: Mapping[str, str | None] | None = None,
    stdin: bytes = b"",
) -> Completed:
    """Runs a shell command at the root of a copy of `tree`, with the environment's programs."""
    with room.copy(tree, replaced) as copy:
        return room.sandbox.run(
            ["/bin/sh", "-c", command],
            workspace=copy,
            mounts=room.mounts(tree),
            env=room.environment_variables(),
            stdin=stdin,
            limits=_LIMITS,
        )


def tail(completed: Completed, characters: int = 400) -> str:
    """The end of a command's output."""
    text = (completed.stdout + b"\n" + completed.stderr).decode(errors="replace").strip()
    return text[-characters:]
