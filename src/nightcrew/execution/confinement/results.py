"""How results leave a sandbox: by a socket that takes one connection and is gone.

Whatever a command's standard streams carry, anything else in the same sandbox may have written: a pipe can be
opened again through /proc. A socket cannot. The program that is started connects as its first act, before it
lets anything untrusted run; from then on nobody answers at the path, the descriptor is closed on exec, and
the program makes itself undumpable, so that its descriptors and memory are closed to others of its user.
"""

import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from nightcrew.execution.confinement.confinement import Mount

VARIABLE = "NIGHTCREW_RESULTS"
"""Tells the program inside the path of the socket."""

_INSIDE = "/run/nightcrew/results.sock"


class Results:
    """A context manager, for one run of a sandbox. `tell` is given each piece as it comes."""

    def __init__(self, tell: Callable[[bytes], object] | None = None) -> None:
        self._tell = tell
        self._resources = ExitStack()
        self._content = bytearray()

    def __enter__(self) -> Self:
        folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="nightcrew-results-")))
        self._listener = self._resources.enter_context(socket.socket(socket.AF_UNIX))
        self._path = folder / "socket"
        self._listener.bind(os.fspath(self._path))
        self._path.chmod(0o666)  # the folder is closed to everybody else
        self._listener.listen(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    @property
    def mount(self) -> Mount:
        """The socket, for the inside."""
        return Mount(self._path, _INSIDE)

    @property
    def env(self) -> dict[str, str]:
        """What the program inside is told."""
        return {VARIABLE: _INSIDE}

    @property
    def content(self) -> bytes:
        """All that came."""
        return bytes(self._content)

    def fileno(self) -> int:
        """Of the listening socket: readable once somebody connects."""
        return self._listener.fileno()

    def accept(self) -> socket.socket:
        """The one connection, to be read to its end; there is no other after it."""
        connection, _ = self._listener.accept()
        self._listener.close()
        self._path.unlink(missing_ok=True)
        return self._resources.enter_context(connection)

    def take(self, piece: bytes) -> None:
        """Keep what was read from the connection, and tell it on."""
        self._content += piece
        if piece and self._tell:
            self._tell(piece)
