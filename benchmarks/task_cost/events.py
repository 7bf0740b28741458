"""The kernel's messages about new processes (the process connector); for root only."""

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

_CONNECTOR, _LISTEN, _DONE = 11, 1, 3
_PROCESSES = (1, 1)  # the connector's number and value for process events
_HEADERS = 16 + 20  # netlink's, and the connector's
_FORK, _EXEC = 1, 2
_BUFFER_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Forked:
    """A process has a new child."""

    parent: int
    pid: int


@dataclass(frozen=True, slots=True)
class Executed:
    """A process runs another program."""

    pid: int


class ProcessEvents:
    """A context manager; iterating over it gives each fork and exec of the machine, until it is closed."""

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _CONNECTOR)
        self._socket.setsockopt(socket.SOL_SOCKET, 33, _BUFFER_BYTES)  # SO_RCVBUFFORCE
        self._socket.bind((0, _PROCESSES[0]))
        body = struct.pack("=IIIIHHI", *_PROCESSES, 0, 0, 4, 0, _LISTEN)
        header = struct.pack("=IHHII", 16 + len(body), _DONE, 0, 0, os.getpid())
        self._socket.send(header + body)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def __iter__(self) -> Iterator[Forked | Executed]:
        while True:
            try:
                data = self._socket.recv(4096)
            except OSError:
                return
            what, _, _, _, tgid, child, child_tgid = struct.unpack_from(
                "=IIQIIII", data.ljust(80, b"\0"), _HEADERS
            )
            if what == _FORK and child == child_tgid:  # else a thread
                yield Forked(tgid, child_tgid)
            elif what == _EXEC:
                yield Executed(tgid)
