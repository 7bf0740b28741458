"""The channel for results out of a sandbox: a socket that accepts a single connection.

Standard streams are no proof of origin, because any process in the sandbox can open a pipe again through
/proc and write to it; a socket cannot be reopened. The trusted program connects first, before it runs
untrusted code. Then the path stops accepting, the descriptor is closed on exec, and the program makes itself
undumpable, so that other processes of its user cannot access its descriptors and memory.
"""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.confinement.mount import RESULTS_VARIABLE, Mount

_INSIDE = "/run/nightcrew/results.sock"


class Results:
    """A context manager, for one run of a sandbox. `forward` is called with each piece as it arrives."""

    def __init__(self, forward: Callable[[bytes], object] | None = None) -> None:
        self._forward = forward
        self._resources = ExitStack()
        self._content = bytearray()

    def __enter__(self) -> Self:
        folder = self._resources.enter_context(temporary_folder("results"))
        self._listener = self._resources.enter_context(socket.socket(socket.AF_UNIX))
        self._path = folder / "socket"
        self._listener.bind(os.fspath(self._path))
        self._path.chmod(0o666)  # the folder is closed to other users
        self._listener.listen(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    @property
    def mount(self) -> Mount:
        """The mount of the socket."""
        return Mount(self._path, _INSIDE)

    @property
    def env(self) -> dict[str, str]:
        """The environment of the program in the sandbox."""
        return {RESULTS_VARIABLE: _INSIDE}

    @property
    def content(self) -> bytes:
        """Everything received."""
        return bytes(self._content)

    def fileno(self) -> int:
        """The listening socket's descriptor, readable once a client connects."""
        return self._listener.fileno()

    def accept(self) -> socket.socket:
        """The only connection, to be read to its end."""
        connection, _ = self._listener.accept()
        self._listener.close()
        self._path.unlink(missing_ok=True)
        return self._resources.enter_context(connection)

    def take(self, piece: bytes) -> None:
        """Store a piece that was read from the connection, and pass it on."""
        self._content += piece
        if piece and self._forward:
            self._forward(piece)
