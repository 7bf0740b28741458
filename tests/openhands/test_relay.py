import socket
import threading
from pathlib import Path

from nightcrew.execution.confinement.relay import Relay


def _echo_server(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received = b""
                while data := connection.recv(65536):
                    received += data
                connection.sendall(received[::-1])

    threading.Thread(target=serve, daemon=True).start()
    return listener


def _exchange(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_bytes_reach_the_unix_socket_and_come_back(tmp_path: Path) -> None:
    with _echo_server(tmp_path / "gateway.sock"):
        relay = Relay(str(tmp_path / "gateway.sock")).start()
        large = bytes(range(256)) * 4096
        assert _exchange(relay.port, large) == large[::-1]
        assert _exchange(relay.port, b"ab") == b"ba"


def test_a_caller_is_hung_up_on_where_no_gateway_is(tmp_path: Path) -> None:
    relay = Relay(str(tmp_path / "nobody.sock")).start()
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as connection:
        assert connection.recv(10) == b""
