"""Tests the sandbox on this machine with some quick attacks from inside.

For `nightcrew doctor`. An attack that could not be made counts as a success of the attacker.
"""

import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from nightcrew.errors import NightcrewError
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.confinement.confinement import MIB
from nightcrew.execution.confinement.unconfined import Unconfined
from nightcrew.execution.sandbox import Completed, Limits, Results, Sandbox, interpreter_mounts

_LIMITS = Limits(wall_seconds=20, memory_bytes=512 * MIB, processes=32, file_bytes=8 * MIB)

# Runs inside; each attack returns what it gained, or nothing. `given` has facts about the host.
_ATTACKS = r"""
import ctypes, json, os, signal, socket, sys, time
given = json.loads(sys.stdin.read())

def read_outside():
    with open(given["secret"]) as file:
        return file.read()

def write_outside():
    gained = []
    for place in ("/usr", "/etc", "/", "/dev", "/proc/sys/kernel", os.path.dirname(given["secret"])):
        try:
            with open(os.path.join(place, "nightcrew-was-here"), "w"):
                gained.append(place)
        except OSError:
            pass
    return ", ".join(gained)

def secrets_of_the_parent():
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if given["token"].encode() in file.read():
                        return f"the environment of process {name}"
            except OSError:
                pass
    return given["token"] if given["token"] in os.environ.values() else ""

def see_host_processes():
    seen = [name for name in os.listdir("/proc") if name.isdigit()]
    return f"{len(seen)} processes" if len(seen) > 5 else ""

def connect_to_the_host():
    socket.create_connection(("127.0.0.1", given["port"]), timeout=2).close()
    return "connected"

def connect_out():
    socket.create_connection(("192.0.2.1", 80), timeout=2).close()
    return "connected"

def become_root_in_a_new_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    return "a user namespace" if libc.unshare(0x10000000) == 0 else ""

def look_into_another_process():
    libc = ctypes.CDLL(None, use_errno=True)
    return "ptrace" if libc.ptrace(16, 1, 0, 0) == 0 else ""

def kill_the_supervisor():
    # Where it may be sent at all, the kernel does not deliver it; had it arrived, all would end here.
    os.kill(1, signal.SIGKILL)
    time.sleep(0.05)

def more_processes_than_allowed():
    children = []
    try:
        for _ in range(given["processes"] + 8):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    except OSError:
        return ""
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return f"{len(children)} processes"

def a_file_too_large():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open("/workspace/large", "wb") as file:
        for _ in range(given["file_bytes"] // 2**20 + 4):
            file.write(bytes(2**20))
    return "no limit"

def a_socket_of_another_kind():
    socket.socketpair(16, socket.SOCK_DGRAM)
    return "a netlink socket"

def memory_that_nobody_counts():
    libc = ctypes.CDLL(None, use_errno=True)
    got = [name for name in ("shmget", "semget", "msgget") if getattr(libc, name)(0, 1, 0o1600) != -1]
    return ", ".join(got)

for attack in (read_outside, write_outside, secrets_of_the_parent, see_host_processes, connect_to_the_host,
               connect_out, become_root_in_a_new_namespace, look_into_another_process, kill_the_supervisor,
               more_processes_than_allowed, a_file_too_large,
               a_socket_of_another_kind, memory_that_nobody_counts):
    try:
        gained, how = attack() or "", "refused"
    except OSError as error:
        gained, how = "", str(error)
    print(json.dumps([attack.__name__.replace("_", " "), gained, how]), flush=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(0.5)
        open("/workspace/survived", "w").close()
    os._exit(0)
"""
_EXPECTED = 13

# How untrusted code may try to impersonate the trusted program that started it.
_FORGE = r"""
import os, socket, sys
for pid in (1, os.getppid()):
    for fd in range(16):
        try:
            os.write(os.open(f"/proc/{pid}/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK), b"FORGED")
        except OSError:
            pass
try:
    other = socket.socket(socket.AF_UNIX)
    other.connect(sys.argv[1])
    other.sendall(b"FORGED")
except OSError:
    pass
"""
_CHANNEL = f"""
import ctypes, os, socket, subprocess, sys
ctypes.CDLL(None).prctl(4, 0)
out = socket.socket(socket.AF_UNIX)
path = os.environ.pop("NIGHTCREW_RESULTS")
out.connect(path)
subprocess.run([sys.executable, "-I", "-S", "-c", {_FORGE!r}, path], stdin=subprocess.DEVNULL)
out.sendall(b"true")
"""

# Socket buffers, which are not charged to any process.
_BUFFERS = """
import os, socket, time
for _ in range(12):
    if os.fork() == 0:
        kept = []
        while True:
            kept.append(socket.socketpair())
            for end in kept[-1]:
                end.setblocking(False)
                try:
                    while True:
                        end.send(bytes(65536))
                except BlockingIOError:
                    pass
time.sleep(30)
"""


class Finding(NamedTuple):
    """One attack: whether the sandbox withstood it, and what the attacker got."""

    name: str
    held: bool
    detail: str


def attack_report(sandbox: Sandbox) -> list[Finding]:
    """Attack `sandbox` from inside (about three seconds); without confinement, nothing is attacked."""
    if isinstance(sandbox, Unconfined):
        # The attacks are real, and here they would hit the host.
        return [Finding("confinement", False, "NIGHTCREW_SANDBOX=none: code is not confined at all")]
    with temporary_folder("proof") as place:
        try:
            return [*_attacks(sandbox, place), *_channel(sandbox, place), *_limits(sandbox, place)]
        except NightcrewError as error:
            return [Finding("start", False, str(error))]


# ---------------------------------------------------------------------------------------------------------


def _attacks(sandbox: Sandbox, folder: Path) -> Iterator[Finding]:
    workspace, secret = _workspace(folder, "attacks"), folder / "secret"
    token = secrets.token_hex(16)
    secret.write_text(token)
    with _listener() as port:
        given = {
            "secret": str(secret),
            "token": token,
            "port": port,
            "processes": _LIMITS.processes,
            "file_bytes": _LIMITS.file_bytes,
        }
        completed = sandbox.run(
            [sys.executable, "-I", "-S", "-c", _ATTACKS],
            workspace=workspace,
            mounts=interpreter_mounts(Path(sys.executable)),
            stdin=json.dumps(given).encode(),
            limits=_LIMITS,
        )
    lines = completed.stdout.decode(errors="replace").splitlines()
    for line in lines:
        name, gained, how = json.loads(line)
        yield Finding(name, not gained, gained or how)
    if len(lines) < _EXPECTED:
        output = completed.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        yield Finding("make every attack", False, f"{len(lines)} of {_EXPECTED}: {output[-1]}")
    time.sleep(0.8)
    survived = (workspace / "survived").exists()
    yield Finding(
        "leave a process behind", not survived, "it kept running" if survived else "ended with the rest"
    )


def _limits(sandbox: Sandbox, folder: Path) -> Iterator[Finding]:
    workspace = _workspace(folder, "limits")
    endless = "trap '' TERM INT HUP; while :; do :; done"
    slow = sandbox.run(["/bin/sh", "-c", endless], workspace=workspace, limits=Limits(wall_seconds=0.3))
    yield Finding(
        "ignore the wall time", slow.killed_by == "wall_time", slow.killed_by or "it ended by itself"
    )
    flood = sandbox.run(["yes"], workspace=workspace, limits=Limits(wall_seconds=10, output_bytes=100_000))
    yield Finding("flood the output", flood.killed_by == "output", flood.killed_by or "it ended by itself")


def _channel(sandbox: Sandbox, folder: Path) -> Iterator[Finding]:
    with Results() as results:
        done = _python(sandbox, _CHANNEL, _workspace(folder, "channel"), _LIMITS, results)
    result = results.content.decode(errors="replace")
    detail = "only the trusted program's result arrived" if result == "true" else result or _last_words(done)
    yield Finding("speak in a trusted program's name", result == "true", detail)
    limits = replace(_LIMITS, memory_bytes=96 * MIB, wall_seconds=10)
    full = _python(sandbox, _BUFFERS, _workspace(folder, "buffers"), limits)
    # A container whose first process the kernel kills is gone before its group can be asked why.
    by_kernel = full.killed_by is None and full.returncode == 128 + signal.SIGKILL
    held = full.killed_by == "memory" or by_kernel
    yield Finding("fill memory with sockets", held, full.killed_by or _last_words(full))


def _python(
    sandbox: Sandbox, code: str, workspace: Path, limits: Limits, results: Results | None = None
) -> Completed:
    return sandbox.run(
        [sys.executable, "-I", "-S", "-c", code],
        workspace=workspace,
        mounts=interpreter_mounts(Path(sys.executable)),
        limits=limits,
        results=results,
    )


def _last_words(done: Completed) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it ended by itself with {done.returncode}"


def _workspace(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir()
    return path


@contextmanager
def _listener() -> Iterator[int]:
    """A port on the host's loopback that accepts every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_accept, args=(server,), daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _accept(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        os.close(connection.detach())
