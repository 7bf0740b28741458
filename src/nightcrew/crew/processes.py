"""Processes that outlive their caller: started in their own session, found again, ended as a tree."""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil

from nightcrew import host
from nightcrew.host.process_id import ProcessId
from nightcrew.secrets.files import PRIVATE_UMASK

__all__ = [
    "ProcessId",
    "end_tree",
    "free_port",
    "kill_all",
    "kill_marked",
    "kill_tree",
    "last_words",
    "spawn",
]


def spawn(
    command: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str],
    log: Path,
    folder: Path = host.NEUTRAL,
    stdin: int = host.NOWHERE,
    hold: Path | None = None,
) -> host.Process:
    """Start a process in its own session with output to `log`; it shares the lock on `hold` until it ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        output = stack.enter_context(log.open("ab"))
        inherited: tuple[int, ...] = ()
        if hold is not None:
            # Opened again, because a lock belongs to an open file and ours is released earlier.
            lock = stack.enter_context(hold.open("ab"))
            fcntl.flock(lock, fcntl.LOCK_SH)
            inherited = (lock.fileno(),)
        return host.start(
            command,
            env=env,
            folder=folder,
            stdin=stdin,
            stdout=output.fileno(),
            stderr=host.WITH_STDOUT,
            umask=PRIVATE_UMASK,
            pass_fds=inherited,
        )


def last_words(log: Path) -> str:
    """The end of a process's output, for a message about its failure."""
    return log.read_text(errors="replace").strip()[-600:]


def end_tree(processes: Iterable[ProcessId], *, grace_seconds: float) -> int:
    """End these processes and their descendants, first with SIGTERM, then by force; returns their number.

    Descendants are looked up first, because later they can no longer be found.
    """
    tops = [process for known in processes if (process := known.find()) is not None]
    below = [child for top in tops for child in _children(top)]
    for process in tops:
        _quietly(process.terminate)
    _, left = psutil.wait_procs(tops, timeout=grace_seconds)
    kill_all([*left, *below])
    return len(tops)


def kill_tree(known: ProcessId) -> int:
    """Kill a process and its descendants at once; returns their number."""
    top = known.find()
    if top is None:
        return 0
    _quietly(top.suspend)  # so that it starts no further process before it is killed
    return kill_all([top, *_children(top)])


def kill_marked(name: str, value: str) -> int:
    """Kill every process of ours with `name=value` in its environment; returns their number.

    This includes orphans.
    """
    return kill_all([process for process in psutil.process_iter() if _is_marked(process, name, value)])


def kill_all(processes: Sequence[psutil.Process]) -> int:
    """Kill the `processes` that still run, and wait for their end."""
    alive = [process for process in processes if process.is_running()]
    for process in alive:
        _quietly(process.kill)
    psutil.wait_procs(alive, timeout=3)
    return len(alive)


# ---------------------------------------------------------------------------------------------------------


def _is_marked(process: psutil.Process, name: str, value: str) -> bool:
    try:
        return process.environ().get(name) == value
    except (psutil.Error, OSError):
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _quietly(action: object) -> None:
    with contextlib.suppress(psutil.Error, OSError):
        action()  # type: ignore[operator]


def free_port(preferred: int, address: str = "127.0.0.1") -> int:
    """`preferred` if that port of the address is free, else another free one."""
    import socket

    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no free port at {address}")
