"""Processes that outlive their caller: started in their own session, found again, ended as a tree."""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from nightcrew import host
from nightcrew.secrets.files import PRIVATE_UMASK


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process by pid and start, which distinguishes it from a later one with the same pid.

    `started` is in seconds since the machine's start, plus a number of that start; the clock does not count.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """The process with this pid; `started` is 0 if there is none."""
        return cls(pid, _started(pid) or 0.0)

    def find(self) -> psutil.Process | None:
        """The running process; None if it has ended."""
        started = _started(self.pid)
        if started is None or abs(started - self.started) > 0.2:
            return None
        try:
            process = psutil.Process(self.pid)
            return process if process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


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


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TICKS = os.sysconf("SC_CLK_TCK")


def _started(pid: int) -> float | None:
    """When a process started, see `ProcessId`; None if there is none. psutil's time moves with the clock."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2]
        boot = int(_BOOT_ID.read_text()[:5], 16)
    except (OSError, ValueError):
        return None
    return boot * 1e8 + int(after_name.split()[19]) / _TICKS  # a float keeps hundredths of these seconds


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


def free_port(preferred: int) -> int:
    """`preferred` if that port is free, else another free loopback port."""
    import socket

    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free loopback port")
