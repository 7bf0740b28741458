"""A server of repositories that wants a token and looks for it in other processes."""

import base64
import http.server
import os
import threading
from pathlib import Path


class GitServer(http.server.ThreadingHTTPServer):
    """Serves a repository to who knows the token, and looks meanwhile for the token in other processes."""

    def __init__(self, folder: Path, token: str) -> None:
        self.folder, self.away, self.token = folder, "", token.encode()
        self.basic = "Basic " + base64.b64encode(f"user:{token}".encode()).decode()
        self.told: list[str] = []
        self.seen: list[Path] = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.SimpleHTTPRequestHandler):
    server: GitServer

    def do_GET(self) -> None:
        self.server.told.append(self.headers.get("Authorization", ""))
        self.server.seen += [path for path in _of_processes() if self.server.token in _content(path)]
        if self.server.away:
            self.send_response(302)
            self.send_header("Location", self.server.away + self.path)
        elif self.server.told[-1] == self.server.basic:
            self.directory = str(self.server.folder)
            self.path = self.path.partition("?")[0]
            return super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=repository")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def log_message(self, format: str, *args: object) -> None:
        pass


def _of_processes() -> list[Path]:
    folders = [folder for folder in Path("/proc").glob("[0-9]*") if folder.name != str(os.getpid())]
    return [folder / name for folder in folders for name in ("cmdline", "environ")]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
