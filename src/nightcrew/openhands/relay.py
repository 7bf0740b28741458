"""A door in the sandbox's wall: TCP on its own loopback, carried to the gateway's unix socket.

The sandbox has no network, but HTTP clients want a host and a port. Bytes are passed on as they come; who may
ask for what is decided by the gateway.
"""

import contextlib
import socket
import threading


class Relay:
    """Listens on a free loopback port from the start, for as long as the process lives."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, name="relay", daemon=True).start()

    def _serve(self) -> None:
        while True:
            caller, _ = self._listener.accept()
            threading.Thread(target=self._connect, args=(caller,), name="relay", daemon=True).start()

    def _connect(self, caller: socket.socket) -> None:
        """Join one caller and the gateway; a caller is hung up on where the gateway does not answer."""
        with caller, socket.socket(socket.AF_UNIX) as gateway:
            try:
                gateway.connect(self._socket_path)
            except OSError:
                return
            back = threading.Thread(target=_pump, args=(gateway, caller), name="relay", daemon=True)
            back.start()
            _pump(caller, gateway)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
