"""Receivers on loopback: a mail server, and Slack behind a proxy, so that its real address is used."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer


class Letterbox(ThreadingTCPServer):
    """A mail server that takes every letter, without a login and without encryption."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Postman)
        self.letters: list[tuple[list[str], str]] = []  # the receivers, and the letter
        self.port = int(self.server_address[1])


class _Postman(StreamRequestHandler):
    """The few words of SMTP (RFC 5321) that a sender needs."""

    def handle(self) -> None:
        to: list[str] = []
        self._say("220 letterbox")
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "RCPT":
                to.append(line.partition("<")[2].partition(">")[0])
            if word == "DATA":
                self._say("354 go on")
                text = b""
                while (part := self.rfile.readline()) not in {b".\r\n", b""}:
                    text += part
                box = self.server
                assert isinstance(box, Letterbox)
                box.letters.append((to, text.decode()))
                to = []
            self._say("221 bye" if word == "QUIT" else "250 ok")
            if word == "QUIT":
                return

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def letterbox() -> Iterator[Letterbox]:
    """A mail server for the length of a block."""
    with Letterbox() as box:
        threading.Thread(target=box.serve_forever, daemon=True).start()
        yield box
        box.shutdown()


@contextmanager
def slack(folder: Path, monkeypatch_env: dict[str, str]) -> Iterator[list[dict[str, str]]]:
    """What Slack's hooks are sent; a proxy leads there, with a certificate of its name made here."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ("-subj", "/CN=hooks.slack.com", "-addext", "subjectAltName=DNS:hooks.slack.com")
    made = ("-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate)
    subprocess.run(["openssl", "req", "-x509", *made, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    heard: list[dict[str, str]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch_env["HTTPS_PROXY"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch_env["REQUESTS_CA_BUNDLE"] = str(certificate)
        threading.Thread(target=_answer, args=(listener, context, heard), daemon=True).start()
        yield heard


def _answer(listener: socket.socket, context: ssl.SSLContext, heard: list[dict[str, str]]) -> None:
    plain, _ = listener.accept()
    asked = plain.recv(4096).decode().split(" ")[1]
    plain.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with context.wrap_socket(plain, server_side=True) as inside, inside.makefile("rwb") as stream:
        path, size = stream.readline().decode().split(" ")[1], 0
        while (line := stream.readline().decode().strip().lower()) != "":
            size = int(line.partition(":")[2]) if line.startswith("content-length") else size
        heard.append({"host": asked, "path": path} | json.loads(stream.read(size)))
        stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        stream.flush()
