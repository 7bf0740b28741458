"""A server of repositories that wants a token and looks for it in other processes."""

import base64
import http.server
import os
import subprocess
import threading
from pathlib import Path


class GitServer(http.server.ThreadingHTTPServer):
    """Serves a repository to who knows the token, and looks meanwhile for the token in other processes.

    `given` are the credentials that clients sent, `seen` the places where others can read the token.
    """

    def __init__(self, git_dir: Path, token: str) -> None:
        self.git_dir, self.away, self.token = git_dir, "", token.encode()
        self.basic = "Basic " + base64.b64encode(f"user:{token}".encode()).decode()
        self.given: list[str] = []
        self.seen: list[Path] = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    server: GitServer

    def do_GET(self) -> None:
        self.server.given.append(self.headers.get("Authorization", ""))
        self.server.seen += [path for path in _of_processes() if self.server.token in _content(path)]
        if self.server.away:
            self._end(302, ("Location", self.server.away + self.path))
        elif self.server.given[-1] != self.server.basic:
            self._end(401, ("WWW-Authenticate", "Basic realm=repository"))
        else:
            self.send_response(200)
            self.flush_headers()
            self.wfile.write(self._of_git())  # which begins with headers of its own

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _of_git(self) -> bytes:
        """What git's own program for servers answers: headers and a body."""
        path, _, query = self.path.partition("?")
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.git_dir),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return subprocess.run(["git", "http-backend"], env=env, input=asked, capture_output=True).stdout

    def _end(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", "0")):
            self.send_header(name, value)
        self.end_headers()


def _of_processes() -> list[Path]:
    folders = [folder for folder in Path("/proc").glob("[0-9]*") if folder.name != str(os.getpid())]
    return [folder / name for folder in folders for name in ("cmdline", "environ")]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
