"""Starts programs on the host. No other module does so; a test checks the sources for it."""

import os
import pwd
import resource
import shutil
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from nightcrew.errors import BadInput, Transient
from nightcrew.host.ending import MARK, end_all, process_numbers
from nightcrew.host.exchange import Exchange
from nightcrew.host.surroundings import NEUTRAL, Word

if TYPE_CHECKING:  # most processes run no event loop, and its modules are many
    import asyncio

PIPE, NOWHERE, WITH_STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT
TimeoutExpired = subprocess.TimeoutExpired
NO_LIMITS: Mapping[int, int] = MappingProxyType({})
type Process = subprocess.Popen[bytes]
type AsyncProcess = asyncio.subprocess.Process

_OUTPUT_BYTES = 64 * 1024 * 1024
_PRIVATE, _AS_WE_HAVE_IT = 0o077, -1


class Overtime(Transient):
    """A program exceeded its time limit; all its processes have been ended."""


class Overflow(Transient):
    """A program exceeded its output limit; all its processes have been ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a program; `returncode` is 128 + n if signal n ended it."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run(
    command: Sequence[Word],
    *,
    env: Mapping[str, str],
    seconds: float,
    folder: Path = NEUTRAL,
    stdin: bytes = b"",
    output_bytes: int = _OUTPUT_BYTES,
    umask: int = _PRIVATE,
    pass_fds: Sequence[int] = (),
    user: int | None = None,
    limits: Mapping[int, int] = NO_LIMITS,
) -> Ended:
    """Run a program to its end; its child processes have ended when this returns or raises.

    `output_bytes` bounds stdout and stderr together, `limits` (by `resource.RLIMIT_*`) each process.

    Raises:
        BadInput: there is no such program.
        Overtime, Overflow: it exceeded a limit and was ended.
    """
    known, mark = process_numbers(), uuid.uuid4().hex
    given = {**env, MARK: mark}
    pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
    process = start(command, env=given, folder=folder, umask=umask, pass_fds=pass_fds, user=user, **pipes)

    _limit(process, limits)

    def end() -> None:
        end_all(process.pid if process.returncode is None else None, mark=mark, known=known)

    try:
        with process, Exchange(process.pid, process.stdin, process.stdout, process.stderr) as exchange:
            try:
                exchange.finish(stdin, end, room=output_bytes, deadline=time.monotonic() + seconds)
            finally:
                end()
    except TimeoutError:
        raise Overtime(f"{_name(command)} did not end in {seconds:.0f} s") from None
    except OverflowError:
        raise Overflow(f"{_name(command)} wrote more than {output_bytes} bytes") from None
    code = process.returncode
    return Ended(128 - code if code < 0 else code, exchange.stdout, exchange.stderr)


def start(
    command: Sequence[Word],
    *,
    env: Mapping[str, str],
    folder: Path = NEUTRAL,
    stdin: int = NOWHERE,
    stdout: int = NOWHERE,
    stderr: int = NOWHERE,
    pass_fds: Sequence[int] = (),
    umask: int = _AS_WE_HAVE_IT,
    user: int | None = None,
) -> Process:
    """Start a program in its own session. The caller limits its time and ends its processes.

    `user` is the uid that it runs as, with only that user's own group; None: our uid.

    Raises:
        BadInput: there is no such program.
    """
    return subprocess.Popen(
        _found(command, env),
        env=dict(env),
        cwd=folder,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=pass_fds,
        start_new_session=True,
        umask=umask,
        user=user,
        group=None if user is None else pwd.getpwuid(user).pw_gid,
        extra_groups=None if user is None else (),
    )


def become(command: Sequence[Word], *, env: Mapping[str, str], pass_fds: Sequence[int] = ()) -> NoReturn:
    """Replace this process by another program (exec); passes on only the given variables and descriptors."""
    for descriptor in pass_fds:
        os.set_inheritable(descriptor, True)
    program, *arguments = _found(command, env)
    os.execve(program, [program, *arguments], dict(env))  # noqa: S606


async def start_async(
    command: Sequence[Word],
    *,
    env: Mapping[str, str],
    folder: Path = NEUTRAL,
    pass_fds: Sequence[int] = (),
) -> AsyncProcess:
    """Like `start`, for an event loop; the program stays in our session and shares our output."""
    import asyncio

    return await asyncio.create_subprocess_exec(
        *_found(command, env), env=dict(env), cwd=folder, stdin=NOWHERE, pass_fds=pass_fds
    )


# ---------------------------------------------------------------------------------------------------------


def _found(command: Sequence[Word], env: Mapping[str, str]) -> list[str]:
    """The command with its program's absolute path, found on the PATH of its environment."""
    program, *arguments = [os.fspath(word) for word in command]
    path = program if Path(program).is_absolute() else shutil.which(program, path=env.get("PATH", os.defpath))
    if path is None or not Path(path).is_absolute() or not os.access(path, os.X_OK):
        raise BadInput(f"{_name(command)} is not installed: install it with your system's package manager")
    return [path, *arguments]


def _limit(process: Process, limits: Mapping[int, int]) -> None:
    for kind, most in limits.items():
        with suppress(ProcessLookupError, PermissionError):  # it has ended, or is another user's
            resource.prlimit(process.pid, kind, (most, most))


def _name(command: Sequence[Word]) -> str:
    return Path(command[0]).name
