"""A relay in the sandbox: from TCP on its own loopback to a mounted unix socket.

The sandbox has no network, but HTTP clients need a host and a port. Bytes are passed on unchanged; the other
end checks permissions. It runs in the sandbox, also as a stand-alone program:

    python -I -S relay.py SOCKET COMMAND ...    runs COMMAND; PORT_MARK in its environment becomes the port
"""

import contextlib
import os
import socket
import sys
import threading
from typing import NoReturn

PORT_MARK = "RELAY-PORT"


class Relay:
    """Listens on a free loopback port from the start, and serves in a thread until the process ends."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    def start(self) -> "Relay":
        """Serve in a background thread."""
        threading.Thread(target=self.serve, name="relay", daemon=True).start()
        return self

    def serve(self) -> None:
        """Serve until the process ends."""
        while True:
            caller, _ = self._listener.accept()
            threading.Thread(target=self._connect, args=(caller,), name="relay", daemon=True).start()

    def _connect(self, caller: socket.socket) -> None:
        """Connect one client with the other end; if that fails, close the client's connection."""
        with caller, socket.socket(socket.AF_UNIX) as end:
            try:
                end.connect(self._socket_path)
            except OSError:
                return
            back = threading.Thread(target=pump, args=(end, caller), name="relay", daemon=True)
            back.start()
            pump(caller, end)
            back.join()


def main() -> NoReturn:
    """Serve in a child process, and execute the command."""
    _, socket_path, *command = sys.argv
    relay = Relay(socket_path)
    if os.fork() == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        relay.serve()
    env = {name: value.replace(PORT_MARK, str(relay.port)) for name, value in os.environ.items()}
    os.execvpe(command[0], command, env)  # noqa: S606 - inside the sandbox


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until one side closes."""
    with contextlib.suppress(OSError):
        while data := source.recv(262_144):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main()
