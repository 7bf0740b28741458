"""Tokens in addresses of repositories: who sees them while git uses them, and whom they are given to."""

import base64
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.address import without_secret
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.workspace import resolve_commit
from tests.attacks.rows import Findings, Row
from tests.execution.conftest import git, make_repo

pytestmark = pytest.mark.attack(Row.CREDENTIALS)
TOKEN = "canary-token-of-a-repository"
BASIC = "Basic " + base64.b64encode(f"user:{TOKEN}".encode()).decode()


class Server(http.server.ThreadingHTTPServer):
    """Serves a repository to who knows the token, and looks meanwhile for the token in other processes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.away = folder, ""
        self.told: list[str] = []
        self.seen: list[Path] = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.told.append(self.headers.get("Authorization", ""))
        self.server.seen += [path for path in _of_processes() if TOKEN.encode() in _content(path)]
        if self.server.away:
            self.send_response(302)
            self.send_header("Location", self.server.away + self.path)
        elif self.server.told[-1] == BASIC:
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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    repo = make_repo(tmp_path / "repo")
    git(repo, "update-server-info")
    running = Server(repo / ".git")
    yield running
    running.shutdown()
    running.server_close()


def kept(server: Server, tmp_path: Path) -> tuple[str, Credentials]:
    address, credential = without_secret(f"http://user:{TOKEN}@127.0.0.1:{server.server_port}/")
    assert credential is not None
    credentials = Credentials(tmp_path / "credentials")
    credentials.keep(address, credential)
    return address, credentials


def test_a_token_opens_its_repository_and_no_process_shows_it(
    server: Server, tmp_path: Path, finding: Findings
) -> None:
    address, credentials = kept(server, tmp_path)
    assert resolve_commit(address, "HEAD", credentials=credentials) == git(
        tmp_path / "repo", "rev-parse", "HEAD"
    )
    assert BASIC in server.told
    assert server.seen == []
    files = list((tmp_path / "credentials").iterdir())
    assert [file.stat().st_mode & 0o077 for file in [tmp_path / "credentials", *files]] == [0, 0]
    finding("no command line and no environment held it")


def test_a_token_is_not_given_to_whom_its_server_names(
    server: Server, tmp_path: Path, finding: Findings
) -> None:
    other = Server(server.folder)
    server.away = f"http://127.0.0.1:{other.server_port}"
    address, credentials = kept(server, tmp_path)
    with pytest.raises(BadInput) as told:
        resolve_commit(address, "HEAD", credentials=credentials)
    other.shutdown()
    other.server_close()
    assert other.told
    assert not any(other.told)
    assert TOKEN not in str(told.value)
    finding(told.value)


def _of_processes() -> list[Path]:
    folders = [folder for folder in Path("/proc").glob("[0-9]*") if folder.name != str(os.getpid())]
    return [folder / name for folder in folders for name in ("cmdline", "environ")]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
