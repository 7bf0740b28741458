"""System calls for mounts and privileges that Python has no function for; needs the standard library only."""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

READ_ONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
NEW_MOUNTS, NEW_CGROUPS, NEW_NAMES = os.CLONE_NEWNS, os.CLONE_NEWCGROUP, os.CLONE_NEWUTS
NEW_IPC, NEW_USERS, NEW_PIDS, NEW_NET = os.CLONE_NEWIPC, os.CLONE_NEWUSER, os.CLONE_NEWPID, os.CLONE_NEWNET

# Since Linux 5.1, new calls have the same number on all processors.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE, _AT_SYMLINK_NOFOLLOW = -100, 0x1000, 0x8000, 0x100
_CLONE, _CLOEXEC = 1, os.O_CLOEXEC
_ATTR_READ_ONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_FROM_DESCRIPTOR = 4  # MOVE_MOUNT_F_EMPTY_PATH
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SET_DUMPABLE, _DROP_BOUNDING, _NO_NEW_PRIVILEGES, _SECCOMP, _AMBIENT = 4, 24, 38, 22, 47
_FILTER, _CLEAR_ALL = 2, 4
_CAPABILITIES_VERSION = 0x20080522
_INTERFACE_UP, _GET_FLAGS, _SET_FLAGS = 1, 0x8913, 0x8914

type Name = str | os.PathLike[str]
_libc = ctypes.CDLL(None, use_errno=True)


def clone_mount(path: str, *, writable: bool) -> int:
    """A descriptor of a detached copy of what is mounted at `path`, without devices and setuid programs."""
    descriptor = _call(_OPEN_TREE, _AT_FDCWD, path, _CLONE | _CLOEXEC | _AT_RECURSIVE | _AT_SYMLINK_NOFOLLOW)
    wanted = _ATTR_NOSUID | _ATTR_NODEV | (0 if writable else _ATTR_READ_ONLY)
    attributes = ctypes.create_string_buffer(struct.pack("=4Q", wanted, 0, 0, 0), 32)
    _call(_MOUNT_SETATTR, descriptor, "", _AT_EMPTY_PATH | _AT_RECURSIVE, attributes, 32)
    return descriptor


def attach_mount(descriptor: int, target: Name) -> None:
    """Mount what `clone_mount` made."""
    _call(_MOVE_MOUNT, descriptor, "", _AT_FDCWD, os.fspath(target), _FROM_DESCRIPTOR)


def mount(source: Name, target: Name, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    words = [os.fsencode(word) for word in (source, target, kind)]
    _checked(_libc.mount(*words, ctypes.c_ulong(flags), options.encode() or None), os.fspath(target))


def unmount(target: str) -> None:
    """Detach it with all below it."""
    _checked(_libc.umount2(os.fsencode(target), 2), target)


def change_root(folder: str, old: str) -> None:
    """pivot_root(2)."""
    _call(_PIVOT_ROOT[os.uname().machine], folder, old)


def raise_loopback() -> None:
    """Bring this network namespace's only interface up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sh22x", b"lo", 0)
        (flags,) = struct.unpack("16xh22x", fcntl.ioctl(control, _GET_FLAGS, asked))
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh22x", b"lo", flags | _INTERFACE_UP))


def hide_process() -> None:
    """Close this process's /proc entries to other processes of its user."""
    _prctl(_SET_DUMPABLE, 0)


def drop_privileges(seccomp: bytes) -> None:
    """Give up every capability for good, and put the filter (a BPF program) over all later calls."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    _prctl(_AMBIENT, _CLEAR_ALL)
    for capability in range(last + 1):
        _prctl(_DROP_BOUNDING, capability)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITIES_VERSION, 0), 8)
    _checked(_libc.capset(header, ctypes.create_string_buffer(24)), "capset")
    _prctl(_NO_NEW_PRIVILEGES, 1)
    program = ctypes.create_string_buffer(seccomp, len(seccomp))
    described = struct.pack("@HP", len(seccomp) // 8, ctypes.addressof(program))
    _prctl(_SECCOMP, _FILTER, ctypes.create_string_buffer(described, len(described)))


# ---------------------------------------------------------------------------------------------------------


def _call(number: int, *words: "int | str | ctypes.Array[ctypes.c_char]") -> int:
    made = [
        ctypes.c_long(word) if isinstance(word, int) else os.fsencode(word) if isinstance(word, str) else word
        for word in words
    ]
    return _checked(_libc.syscall(ctypes.c_long(number), *made), f"call {number}")


def _prctl(option: int, *words: "int | ctypes.Array[ctypes.c_char]") -> None:
    made = [ctypes.c_ulong(word) if isinstance(word, int) else word for word in words]
    zeros = [ctypes.c_ulong(0)] * (4 - len(made))
    _checked(_libc.prctl(ctypes.c_int(option), *made, *zeros), f"prctl {option}")


def _checked(result: int, what: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
