"""The file system of a forked process: a root of its own, built inside the loaded process's sandbox.

The process is in new namespaces when it calls `enter_root`; afterwards nothing of the former root is left.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nightcrew.execution.confinement.forking import calls

_NEW = Path("/tmp")  # noqa: S108 - a file system of the sandbox's own
_OLD = "former"
_ROOT_BYTES, _ROOT_INODES = 1 << 20, 4096  # for mount points and links
_DEVICE_INODES = 64
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "core": "/proc/kcore",
    "ptmx": "pts/ptmx",
}


class Shown(NamedTuple):
    """A mount that was handed over: its descriptor, and where it belongs."""

    descriptor: int
    target: str


class Scratch(NamedTuple):
    """A writable folder in memory, with its limits."""

    folder: str
    size_bytes: int
    inodes: int


def enter_root(kept: Sequence[str], shown: Sequence[Shown], scratch: Sequence[Scratch]) -> None:
    """Make a root with what is `kept` of the current one, with `shown` and `scratch`, and change to it."""
    calls.mount("none", "/", flags=calls.PRIVATE | calls.RECURSIVE)
    # Before the new root covers its folder, below which some of them may lie.
    ours = [Shown(calls.clone_mount(os.path.realpath(path), writable=False), path) for path in kept]
    options = _limits(_ROOT_BYTES, _ROOT_INODES, 0o755)
    calls.mount("tmpfs", _NEW, "tmpfs", calls.NOSUID | calls.NODEV, options)
    for entry in Path("/").iterdir():
        if entry.is_symlink():
            (_NEW / entry.name).symlink_to(entry.readlink())
    _add_devices()
    calls.mount("proc", _place("/proc"), "proc", calls.NOSUID | calls.NODEV | calls.NOEXEC)
    for folder, size_bytes, inodes in scratch:
        options = _limits(size_bytes, inodes, 0o1777)
        calls.mount("tmpfs", _place(folder), "tmpfs", calls.NOSUID | calls.NODEV, options)
    for descriptor, path in (*ours, *shown):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        calls.attach_mount(descriptor, _place(path, is_folder=is_folder))
        os.close(descriptor)
    _forbid_user_namespaces()
    _change_to()


# ---------------------------------------------------------------------------------------------------------


def _add_devices() -> None:
    place = _place("/dev")
    calls.mount("tmpfs", place, "tmpfs", calls.NOSUID, _limits(_ROOT_BYTES, _DEVICE_INODES, 0o755))
    for name in _DEVICES:
        calls.mount(f"/dev/{name}", _place(f"/dev/{name}", is_folder=False), flags=calls.BIND)
    for name, goal in _DEVICE_LINKS.items():
        (place / name).symlink_to(goal)
    terminals = "newinstance,ptmxmode=0666,mode=620"
    calls.mount("devpts", _place("/dev/pts"), "devpts", calls.NOSUID | calls.NOEXEC, terminals)


def _place(path: str, *, is_folder: bool = True) -> Path:
    """A mount point for `path` in the new root."""
    target = _NEW / path.lstrip("/")
    (target if is_folder else target.parent).mkdir(mode=0o755, parents=True, exist_ok=True)
    if not is_folder:
        target.touch(mode=0o444)
    return target


def _forbid_user_namespaces() -> None:
    (_NEW / "proc/sys/user/max_user_namespaces").write_text("0")


def _change_to() -> None:
    (_NEW / _OLD).mkdir()
    os.chdir(_NEW)
    calls.change_root(".", _OLD)
    os.chdir("/")
    calls.unmount(f"/{_OLD}")
    Path("/", _OLD).rmdir()
    for place, more in (("/proc", calls.NODEV | calls.NOEXEC), ("/dev", 0), ("/", calls.NODEV)):
        calls.mount("none", place, flags=calls.REMOUNT | calls.BIND | calls.READ_ONLY | calls.NOSUID | more)


def _limits(size_bytes: int, inodes: int, mode: int) -> str:
    return f"size={size_bytes},nr_inodes={inodes},mode={mode:o}"
