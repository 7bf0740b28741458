"""Tokens in addresses of repositories: who sees them while git uses them, and whom they are given to."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.address import PATTERN, without_secret
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.workspace import resolve_commit
from tests.attacks.git_server import GitServer
from tests.attacks.rows import Findings, Row
from tests.execution.conftest import git, make_repo

pytestmark = pytest.mark.attack(Row.CREDENTIALS)
TOKEN = "canary-token-of-a-repository"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    repo = make_repo(tmp_path / "repo")
    running = GitServer(repo / ".git", TOKEN)
    yield running
    running.shutdown()
    running.server_close()


def kept(server: GitServer, tmp_path: Path) -> tuple[str, Credentials]:
    address, credential = without_secret(f"http://user:{TOKEN}@127.0.0.1:{server.server_port}/")
    assert credential is not None
    credentials = Credentials(tmp_path / "credentials")
    credentials.keep(address, credential)
    return address, credentials


def test_a_token_opens_its_repository_and_no_process_shows_it(
    server: GitServer, tmp_path: Path, finding: Findings
) -> None:
    address, credentials = kept(server, tmp_path)
    assert resolve_commit(address, "HEAD", credentials=credentials) == git(
        tmp_path / "repo", "rev-parse", "HEAD"
    )
    assert server.basic in server.given
    assert server.seen == []
    files = list((tmp_path / "credentials").iterdir())
    assert [file.stat().st_mode & 0o077 for file in [tmp_path / "credentials", *files]] == [0, 0]
    finding("no command line and no environment held it")


def test_a_token_is_not_given_to_whom_its_server_names(
    server: GitServer, tmp_path: Path, finding: Findings
) -> None:
    other = GitServer(server.git_dir, TOKEN)
    server.away = f"http://127.0.0.1:{other.server_port}"
    address, credentials = kept(server, tmp_path)
    with pytest.raises(BadInput) as refused:
        resolve_commit(address, "HEAD", credentials=credentials)
    other.shutdown()
    other.server_close()
    assert other.given
    assert not any(other.given)
    assert TOKEN not in str(refused.value)
    finding(refused.value)


@pytest.mark.identity_free
@pytest.mark.parametrize(
    "address",
    [
        *(
            "https://host/team/lib;token={}",
            "https://host/lib;private_token={}?x=1",
            "ssh://host/lib?token={}",
        ),
        *(
            "ssh://git@host/lib#{}",
            "git://{}@host/lib",
            "git://host/lib;token={}",
            "https://host/lib?a=b&c={}",
        ),
        *("https:/user:{}@host/lib", "https:user:{}@host/lib", "user:{}@host:lib", "ftp://user:{}@host/lib"),
    ],
)
def test_a_token_in_an_odd_place_is_taken_out_or_refused(address: str, finding: Findings) -> None:
    given = address.format(TOKEN)
    try:
        clean, _ = without_secret(given)
    except BadInput as error:
        clean = str(error)
    assert TOKEN not in clean
    assert not re.search(PATTERN, given)
    finding(clean)
