"""Attacks from inside a sandbox, as tables; many are made in one start of it, each in a process of its own.

The code of an attack is the body of a Python function. It returns what it gained, or nothing; an OSError that
it raises is how it was refused. It sees the names of `PRELUDE`, and `facts`: what it knows about the outside.
What only the host can see is judged by `outside`, after the sandbox has ended.
"""

import json
import os
import socket
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.confinement.confinement import MIB
from nightcrew.execution.sandbox import Completed, Limits, Mount, Sandbox, interpreter_mounts
from tests.attacks.rows import Row

SMALL = Limits(
    wall_seconds=60,
    cpu_seconds=20,
    memory_bytes=384 * MIB,
    processes=48,
    file_bytes=16 * MIB,
    workspace_bytes=48 * MIB,
    output_bytes=MIB,
)

PRELUDE = r"""
import ctypes, errno, fcntl, json, mmap, os, resource, select, shutil, signal, socket, stat, struct
import subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
refusals = []

def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), errno.errorcode.get(ctypes.get_errno(), "?"))
    return result

def syscall(number, *words):
    "The system call of that number (x86_64); raises OSError where the kernel refuses it."
    ctypes.set_errno(0)
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    libc.syscall.restype = ctypes.c_long
    return check(libc.syscall(ctypes.c_long(number), *words))

def call(name, *words):
    "The C library's function of that name; raises OSError where it returns -1."
    ctypes.set_errno(0)
    return check(getattr(libc, name)(*words))

def tries(*acts, **named):
    "Which of the acts could be done; how each other one was refused is kept."
    gained = []
    for name, act in [*enumerate(acts), *named.items()]:
        try:
            result = act()
        except (OSError, ValueError, OverflowError) as error:
            refusals.append(f"{name}: {error}"[:80])
        else:
            gained.append(f"{name}: {result!r}"[:120])
    return ", ".join(gained)

def written(path, content=b"x"):
    with open(path, "wb", buffering=0) as file:
        return file.write(content)

def content(path, size=200):
    with open(path, "rb") as file:
        return file.read(size)

def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
"""

_RUNNER = r"""
def make(body):
    scope = dict(globals())
    exec("def attack():\n" + body, scope)
    return scope["attack"]

def one(name, body, seconds):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        gained, how = "", ""
        try:
            os.setsid()
            gained = make(body)() or ""
            how = "; ".join(refusals) or "nothing was gained"
        except OSError as error:
            how = f"refused: {error}"
        except BaseException as error:
            gained, how = "", f"CRASH {type(error).__name__}: {error}"
        os.write(writer, json.dumps([name, str(gained)[:400], how[:400]]).encode())
        os._exit(0)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], seconds)
    answer = os.read(reader, 65536) if ready else b""
    os.close(reader)
    for end in (os.killpg, os.kill):
        try:
            end(child, signal.SIGKILL)
        except OSError:
            pass
    _, status = os.waitpid(child, 0)
    how = f"ended by signal {status & 127}" if ready else "no end"
    return json.loads(answer) if answer else [name, "", how]

def main():
    global facts
    job = json.loads(sys.stdin.read())
    facts = job["facts"]
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    for name, body in job["attacks"]:
        print(json.dumps(one(name, body, job["seconds"])), flush=True)

main()
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the host knows of a batch of attacks once it has ended."""

    workspace: Path
    facts: dict[str, Any]
    completed: Completed
    connections: list[object] = field(default_factory=list)


def _nothing(_: Scene) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Inside:
    """One attack from inside. Given `limits`, it is made in a sandbox of its own, which it may take down."""

    row: Row
    name: str
    code: str
    outside: Callable[[Scene], str] = _nothing
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Met:
    """What came of one attack: what it gained, and how it was refused."""

    gained: str
    how: str


def table(attacks: Sequence[Inside]) -> pytest.MarkDecorator:
    """A test per attack, with the attack as its argument."""
    names = [attack.name for attack in attacks]
    assert len(set(names)) == len(names), "two attacks have one name"
    lines = [pytest.param(one, id=one.name, marks=pytest.mark.attack(one.row)) for one in attacks]
    return pytest.mark.parametrize("attack", lines)


class Batches:
    """Makes each table's attacks on one sandbox once, whichever of its tests asks first."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox, self._folder = sandbox, folder
        self._met: dict[str, Met] = {}

    def meet(self, attack: Inside, attacks: Sequence[Inside]) -> Met:
        """What came of `attack`, which is one of `attacks`."""
        if attack.name not in self._met:
            together = [attack] if attack.limits else [one for one in attacks if one.limits is None]
            self._met |= self._make(together)
        return self._met[attack.name]

    def _make(self, attacks: Sequence[Inside]) -> dict[str, Met]:
        workspace = self._folder / f"workspace-{time.monotonic_ns()}"
        workspace.mkdir()
        with outside_world(self._folder) as (facts, mounts, connections):
            job = {"facts": facts, "seconds": 15, "attacks": [[one.name, _body(one.code)] for one in attacks]}
            completed = self._sandbox.run(
                [sys.executable, "-I", "-S", "-c", PRELUDE + _RUNNER, facts["mark"]],
                workspace=workspace,
                mounts=[*interpreter_mounts(Path(sys.executable)), *mounts],
                stdin=json.dumps(job).encode(),
                limits=attacks[0].limits or SMALL,
            )
            scene = Scene(workspace, facts, completed, connections)
        lines = dict(map(_line, completed.stdout.decode(errors="replace").splitlines()))
        met = {}
        for one in attacks:
            gained, how = lines.get(one.name, ("", _end(completed)))
            met[one.name] = Met(gained or one.outside(scene) or _survivors(facts["mark"]), how)
        remove_tree(workspace)
        return met


@contextmanager
def outside_world(folder: Path) -> Iterator[tuple[dict[str, Any], list[Mount], list[object]]]:
    """Things worth attacking: a secret file, a listening port, an abstract socket, a process that waits."""
    secret = folder / f"secret-{time.monotonic_ns()}"
    secret.write_text("SECRET-OF-THE-HOST")
    mark = f"attack-{os.getpid()}-{time.monotonic_ns()}"
    connections: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"\0{mark}")
        unix.listen()
        for server in (tcp, unix):
            threading.Thread(target=_accept, args=(server, connections), daemon=True).start()
        facts = {
            "mark": mark,
            "secret": str(secret),
            "content": "SECRET-OF-THE-HOST",
            "port": tcp.getsockname()[1],
            "abstract": mark,
            "pid": os.getpid(),
            "python": sys.executable,
        }
        try:
            yield facts, [], connections
        finally:
            for server in (tcp, unix):
                server.shutdown(socket.SHUT_RDWR)


# ---------------------------------------------------------------------------------------------------------


def _accept(server: socket.socket, connections: list[object]) -> None:
    while True:
        try:
            connections.append(server.accept())
        except OSError:
            return


def _body(code: str) -> str:
    return textwrap.indent(textwrap.dedent(code).strip("\n") or "pass", "    ")


def _line(line: str) -> tuple[str, tuple[str, str]]:
    try:
        name, gained, how = json.loads(line)
    except ValueError:
        return "", ("", "")
    return name, (gained, how)


def _end(completed: Completed) -> str:
    """How a sandbox ended whose attack could not tell it any more."""
    if completed.killed_by is not None:
        return f"ended by the limit on {completed.killed_by}"
    if completed.returncode > 128:
        return f"ended by signal {completed.returncode - 128}"
    return f"CRASH {completed.returncode}: {completed.stderr[-300:].decode(errors='replace')}"


def _survivors(mark: str) -> str:
    """Processes of the host that have the attack's mark in their command line."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                return f"process {entry.name} lives on"
        except OSError:
            continue
    return ""
