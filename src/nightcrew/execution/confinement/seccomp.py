"""The system calls forbidden to confined code, as a BPF program for the kernel.

It is a deny list in addition to namespaces and dropped capabilities, for large and rarely used kernel
interfaces that those leave open. All other calls are allowed. No library is needed: the program is data.
"""

import errno
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from nightcrew.errors import SandboxUnavailable

_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH = 0, 4  # offsets in struct seccomp_data

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6

# Since Linux 5.1, new calls have the same number on all processors.
_COMMON = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
    "set_mempolicy_home_node": 450,
    "open_tree_attr": 467,
}
_X86_64 = {
    # Shared memory and queues, which are charged to no process and are in no size-limited file system.
    "shmget": 29,
    "semget": 64,
    "msgget": 68,
    "ptrace": 101,
    "syslog": 103,
    "uselib": 134,
    "vhangup": 153,
    "modify_ldt": 154,
    "pivot_root": 155,
    "adjtimex": 159,
    "chroot": 161,
    "acct": 163,
    "settimeofday": 164,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "sethostname": 170,
    "setdomainname": 171,
    "iopl": 172,
    "ioperm": 173,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "lookup_dcookie": 212,
    "clock_settime": 227,
    "mbind": 237,
    "set_mempolicy": 238,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "migrate_pages": 256,
    "unshare": 272,
    "vmsplice": 278,
    "move_pages": 279,
    "perf_event_open": 298,
    "fanotify_init": 300,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "clock_adjtime": 305,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "memfd_create": 319,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
}
_AARCH64 = {
    "lookup_dcookie": 18,
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "chroot": 51,
    "vhangup": 58,
    "quotactl": 60,
    "vmsplice": 75,
    "acct": 89,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "clock_settime": 112,
    "syslog": 116,
    "ptrace": 117,
    "reboot": 142,
    "sethostname": 161,
    "setdomainname": 162,
    "settimeofday": 170,
    "adjtimex": 171,
    "msgget": 186,
    "semget": 190,
    "shmget": 194,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "mbind": 235,
    "set_mempolicy": 237,
    "migrate_pages": 238,
    "move_pages": 239,
    "perf_event_open": 241,
    "fanotify_init": 262,
    "name_to_handle_at": 264,
    "open_by_handle_at": 265,
    "clock_adjtime": 266,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "finit_module": 273,
    "memfd_create": 279,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
}


@dataclass(frozen=True, slots=True)
class _Machine:
    """The differences between processors."""

    audit_arch: int
    denied: dict[str, int]
    clone: int
    ioctl: int
    socket: int
    socketpair: int
    prlimit: int
    clone3: int = 435
    second_abi: int | None = None  # call numbers from this one on belong to another ABI


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E, _X86_64, clone=56, ioctl=16, socket=41, socketpair=53, prlimit=302, second_abi=0x40000000
    ),
    "aarch64": _Machine(0xC00000B7, _AARCH64, clone=220, ioctl=29, socket=198, socketpair=199, prlimit=261),
}


_CONFINING = {"mount", "umount2", "pivot_root", "unshare", "open_tree", "move_mount", "mount_setattr"}


def seccomp_program(machine: str | None = None, *, confines: bool = False) -> bytes:
    """The filter for this processor (or the named one), in the kernel's format.

    `confines`: for a process that forks confined ones, which needs the calls for that.

    Raises:
        SandboxUnavailable: this processor is not supported.
    """
    found = _machine(machine or platform.machine())
    denied = {
        number
        for name, number in (*found.denied.items(), *_COMMON.items())
        if not (confines and name in _CONFINING)
    }
    return b"".join(_instructions(found, denied))


def _machine(name: str) -> _Machine:
    if name not in _MACHINES:
        raise SandboxUnavailable(
            f"the sandbox supports the processors {', '.join(_MACHINES)}, not {name}: run Nightcrew "
            "on one of those, or set NIGHTCREW_SANDBOX=none, which every verdict then says"
        )
    return _MACHINES[name]


def seccomp_profile() -> dict[str, object]:
    """The same rules in a container engine's format, for this processor; other ABIs end the process.

    Raises:
        SandboxUnavailable: this processor is not supported.
    """
    name = platform.machine()
    machine = _machine(name)
    refused = "SCMP_ACT_ERRNO"

    def rule(call: str, code: int, *tests: tuple[int, str, int, int]) -> dict[str, object]:
        arguments = [dict(zip(("index", "op", "value", "valueTwo"), test, strict=True)) for test in tests]
        return {"names": [call], "action": refused, "errnoRet": code, "args": arguments}

    rules = [rule(call, errno.EPERM) for call in sorted({*machine.denied, *_COMMON})]
    rules += [rule("clone3", errno.ENOSYS)]
    namespaces = [1 << bit for bit in range(32) if _NEW_NAMESPACES >> bit & 1]
    rules += [rule("clone", errno.EPERM, (0, "SCMP_CMP_MASKED_EQ", flag, flag)) for flag in namespaces]
    low = 0xFFFFFFFF  # the kernel uses 32 bits of a request
    rules += [
        rule("ioctl", errno.EPERM, (1, "SCMP_CMP_MASKED_EQ", low, request)) for request in _TERMINAL_INJECTION
    ]
    rules += [rule("prlimit64", errno.EPERM, (0, "SCMP_CMP_NE", 0, 0))]
    for call in ("socket", "socketpair"):
        others = [family for family in range(64) if family not in _FAMILIES]
        rules += [rule(call, errno.EAFNOSUPPORT, (0, "SCMP_CMP_EQ", family, 0)) for family in others]
        rules += [rule(call, errno.EAFNOSUPPORT, (0, "SCMP_CMP_GE", 64, 0))]
    architecture = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}[name]
    return {"defaultAction": "SCMP_ACT_ALLOW", "architectures": [architecture], "syscalls": rules}


# ---------------------------------------------------------------------------------------------------------


def _instructions(machine: _Machine, denied: set[int]) -> Iterator[bytes]:
    yield _op(_LOAD, _ARCH)
    yield _op(_JUMP_EQ, machine.audit_arch, 1, 0)
    yield _op(_RETURN, _KILL_PROCESS)
    yield _op(_LOAD, _NUMBER)
    if machine.second_abi is not None:
        yield from (_op(_JUMP_GE, machine.second_abi, 0, 1), _op(_RETURN, _KILL_PROCESS))
    # "Not implemented" makes the C library fall back to clone, whose flags can be checked.
    yield from _refuse(machine.clone3, errno.ENOSYS)
    for number in sorted(denied):
        yield from _refuse(number, errno.EPERM)
    yield from _when(machine.clone, [_argument(0), *_refuse_bits(_NEW_NAMESPACES), _op(_RETURN, _ALLOW)])
    injections = [op for request in _TERMINAL_INJECTION for op in _refuse(request, errno.EPERM)]
    yield from _when(machine.ioctl, [_argument(1), *injections, _op(_RETURN, _ALLOW)])
    families = [op for family in _FAMILIES for op in (_op(_JUMP_EQ, family, 0, 1), _op(_RETURN, _ALLOW))]
    no_family = _op(_RETURN, _ERRNO | errno.EAFNOSUPPORT)
    own = [_op(_JUMP_EQ, 0, 0, 1), _op(_RETURN, _ALLOW), _op(_RETURN, _ERRNO | errno.EPERM)]
    yield from _when(
        machine.prlimit, [_argument(0), *own]
    )  # of other processes, which include a trusted program
    for number in (machine.socket, machine.socketpair):
        yield from _when(number, [_argument(0), *families, no_family])
    yield _op(_RETURN, _ALLOW)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _argument(index: int) -> bytes:
    """Load the low half of an argument; flags, requests and families are all 32 bits wide."""
    return _op(_LOAD, 16 + 8 * index)


def _refuse(value: int, code: int) -> list[bytes]:
    return [_op(_JUMP_EQ, value, 0, 1), _op(_RETURN, _ERRNO | code)]


def _refuse_bits(bits: int) -> list[bytes]:
    return [_op(_JUMP_SET, bits, 0, 1), _op(_RETURN, _ERRNO | errno.EPERM)]


def _when(number: int, body: list[bytes]) -> list[bytes]:
    """`body` for this call only; it ends with a return, so it may use the accumulator."""
    return [_op(_JUMP_EQ, number, 0, len(body)), *body]
