"""The filter as a program: it is run here by a small interpreter, call by call, for both processors."""

import errno
import struct

import pytest

from nightcrew.errors import SandboxUnavailable
from nightcrew.execution.confinement import seccomp
from nightcrew.execution.confinement.seccomp import seccomp_program

ALLOW, KILL = 0x7FFF0000, 0x80000000


def outcome(program: bytes, arch: int, number: int, *words: int) -> int:
    """What the kernel would return for one call."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *words, *[0] * (6 - len(words)))
    at = accumulator = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("<HBBI", program, 8 * at)
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x06:
                return int(value)
            case 0x15 | 0x35 | 0x45:
                held = {
                    0x15: accumulator == value,
                    0x35: accumulator >= value,
                    0x45: bool(accumulator & value),
                }
                at += if_true if held[code] else if_false
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def refused(code: int) -> int:
    return 0x00050000 | code


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_every_denied_call_is_refused_and_others_are_not(name: str) -> None:
    machine, program = seccomp._MACHINES[name], seccomp_program(name)
    denied = {*machine.denied.values(), *seccomp._COMMON.values()}
    special = {
        machine.clone,
        machine.clone3,
        machine.ioctl,
        machine.socket,
        machine.socketpair,
        machine.prlimit,
    }
    for number in range(600):
        expected = refused(errno.EPERM) if number in denied else ALLOW
        if number not in special:
            assert outcome(program, machine.audit_arch, number) == expected


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_calls_are_judged_by_their_arguments(name: str) -> None:
    machine, program = seccomp._MACHINES[name], seccomp_program(name)

    def call(number: int, *words: int) -> int:
        return outcome(program, machine.audit_arch, number, *words)

    assert call(machine.clone, 0x01200011) == ALLOW  # fork
    assert call(machine.clone, 0x003D0F00) == ALLOW  # a thread
    assert call(machine.clone, 0x10000011) == refused(errno.EPERM)
    assert call(machine.clone3) == refused(errno.ENOSYS)
    assert call(machine.ioctl, 0, 0x5401) == ALLOW
    assert call(machine.ioctl, 0, 0x5412) == refused(errno.EPERM)
    assert call(machine.ioctl, 0, 0x1_0000_5412) == refused(errno.EPERM)
    assert call(machine.prlimit, 0) == ALLOW
    assert call(machine.prlimit, 1) == refused(errno.EPERM)
    for number in (machine.socket, machine.socketpair):
        allowed = [family for family in (1, 2, 10, 15, 16, 17, 38, 40) if call(number, family) == ALLOW]
        assert allowed == [1, 2, 10]


def test_another_abi_ends_the_process() -> None:
    program = seccomp_program("x86_64")
    assert outcome(program, 0x40000003, 20) == KILL  # i386
    assert outcome(program, 0xC000003E, 0x40000000 + 39) == KILL  # x32


def test_an_unknown_processor_is_refused_with_the_choices() -> None:
    with pytest.raises(SandboxUnavailable, match=r"riscv64.*NIGHTCREW_SANDBOX=none"):
        seccomp_program("riscv64")
