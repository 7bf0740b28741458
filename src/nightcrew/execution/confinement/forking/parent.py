"""The loaded process, in its sandbox: `python -I -m MODULE FD PROGRAM`.

FD is a listening socket. For each connection it forks a process and reads nothing itself: the forked one is
confined first, then it runs the program. The parent stays single-threaded and never runs anything of a
repository. PROGRAM is a module with `load()`, called once, and `main(words)`, called in each forked process.
"""

import array
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypedDict

from nightcrew.execution.confinement.forking import calls
from nightcrew.execution.confinement.forking.root import Scratch, Shown, enter_root

IDLE_SECONDS = 600.0
"""After so long without a child it ends, which frees its memory; the next connection starts another one."""

CONFINED, GO = b"c", b"g"
_MOST_DESCRIPTORS = 250
_HEADER_BYTES = 1 << 20
_STREAMS = 3

type Program = Callable[[list[str]], NoReturn]


class Order(TypedDict):
    """What the trusted side sends with the descriptors of stdin, stdout, stderr and the mounts."""

    env: dict[str, str]
    words: list[str]
    folder: str
    kept: list[str]
    targets: list[str]
    scratch: list[tuple[str, int, int]]
    seccomp: str  # hexadecimal


def main() -> None:
    """Load the program and serve until nobody has asked for a while."""
    _, descriptor, name = sys.argv
    os.dup2(2, 1)  # the keeper reads only one of them
    program = importlib.import_module(name)
    program.load()
    gc.collect()
    gc.freeze()  # these pages stay shared with the children, because the collector leaves them alone
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=int(descriptor)) as listener:
        serve(listener, program.main)


def serve(listener: socket.socket, program: Program) -> None:
    """Fork for each connection; `lives` are pipes that close with each forked process."""
    lives: set[int] = set()
    while True:
        ready, _, _ = select.select([listener.fileno(), *lives], [], [], None if lives else IDLE_SECONDS)
        if not ready:
            return
        for life in lives.intersection(ready):
            os.close(life)
            lives.discard(life)
        if listener.fileno() in ready:
            connection, _ = listener.accept()
            with connection:
                if count_threads() == 1:  # a lock that another thread holds would stay locked in the child
                    lives.add(_fork(listener, lives, connection, program))


def count_threads() -> int:
    """The number of threads, including those unknown to Python."""
    return len(list(Path("/proc/self/task").iterdir()))


# ---------------------------------------------------------------------------------------------------------


def _fork(listener: socket.socket, lives: set[int], connection: socket.socket, program: Program) -> int:
    life, held = os.pipe()
    if os.fork() == 0:
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            for one in (life, *lives):
                os.close(one)
            _leave_for_namespaces()
            if os.fork() == 0:
                _first_process(connection, held, program)
        except BaseException as error:
            _report(connection, error)
        os._exit(1)
    os.close(held)
    return life


def _leave_for_namespaces() -> None:
    user, group = os.getuid(), os.getgid()
    os.unshare(
        calls.NEW_USERS | calls.NEW_MOUNTS | calls.NEW_PIDS | calls.NEW_IPC | calls.NEW_NAMES
        | calls.NEW_NET | calls.NEW_CGROUPS
    )  # fmt: skip
    for name, text in (
        ("uid_map", f"{user} {user} 1"),
        ("setgroups", "deny"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text)


def _first_process(connection: socket.socket, held: int, program: Program) -> NoReturn:
    """The first process of the new namespaces: confines itself, starts the program, and ends everything."""
    calls.hide_process()
    order, descriptors = _receive(connection)
    streams, mounts = descriptors[:_STREAMS], descriptors[_STREAMS:]
    shown = [Shown(*pair) for pair in zip(mounts, order["targets"], strict=True)]
    enter_root(order["kept"], shown, [Scratch(*one) for one in order["scratch"]])
    calls.raise_loopback()
    calls.drop_privileges(bytes.fromhex(order["seccomp"]))
    connection.sendall(CONFINED)
    if connection.recv(1) != GO:
        os._exit(1)
    if (child := os.fork()) == 0:
        connection.close()
        os.close(held)
        _run(order, streams, program)
    for number in (*streams, 0, 1, 2):
        os.close(number)
    _wait(connection, child)


def _run(order: Order, streams: list[int], program: Program) -> NoReturn:
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["folder"])
    try:
        program(order["words"])
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    os._exit(1)


def _wait(connection: socket.socket, child: int) -> NoReturn:
    """Report how the program ended; the end of this process, also with its starter's, ends all others."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == child:
                    code = os.waitstatus_to_exitcode(status)
                    connection.sendall(b"%d\n" % (128 - code if code < 0 else code))
                    os._exit(0)
                if pid == 0:
                    break
        ready, _, _ = select.select([reader, connection.fileno()], [], [])
        if connection.fileno() in ready:
            os._exit(1)
        os.read(reader, 4096)


def _receive(connection: socket.socket) -> tuple[Order, list[int]]:
    """The order, whose first bytes are its length, and the descriptors that came with them."""
    numbers = array.array("i")
    room = socket.CMSG_SPACE(_MOST_DESCRIPTORS * numbers.itemsize)
    data, ancillary, _, _ = connection.recvmsg(8, room, socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(content)
    length = int.from_bytes(data, "big")
    if len(data) < 8 or length > _HEADER_BYTES:
        os._exit(1)
    body = b""
    while len(body) < length:
        piece = connection.recv(length - len(body))
        if not piece:
            os._exit(1)
        body += piece
    order: Order = json.loads(body)
    return order, list(numbers)


def _report(connection: socket.socket, error: BaseException) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(f"!{type(error).__name__}: {error}\n".encode())


if __name__ == "__main__":
    main()
