"""The twin of GitHub on loopback: an address is the only difference. It always identifies itself.

with GitHubTwin(folder) as twin:
    twin.hub.give_token("ghp_...", "octo")
    twin.hub.create("octo/shop")
    # clone http://x:ghp_...@127.0.0.1:PORT/octo/shop.git; the API is at /api/v3, as of GitHub Enterprise
"""

import secrets
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from nightcrew.testing.github.server import API, GitHubServer
from nightcrew.testing.github.state import Hub, Repository
from nightcrew.testing.serving import LoopbackServer, Served


class GitHubTwin(Served):
    """A running twin, as a context manager; several can run at once. `folder` holds its repositories."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.hub = Hub(folder)
        self.github = GitHubServer(self.hub)
        self.server = LoopbackServer(self.github.app(), port)

    @property
    def base_url(self) -> str:
        """The base URL of the API."""
        return f"{self.server.url}{API}"

    def address(self, repository: Repository, token: str = "") -> str:
        """The address to clone a repository from, with a token in it if one is given."""
        scheme, _, rest = self.server.url.partition("://")
        login = f"x-access-token:{token}@" if token else ""
        return f"{scheme}://{login}{rest}/{repository.full_name}.git"


def run_github_twin(
    full_name: str, port: int = 0, *, on_ready: Callable[[str, str], None] | None = None
) -> None:
    """Serve a twin with one empty repository until interrupted.

    `on_ready` is called with the base URL of the API, and the address of the repository with a token in it.

    Raises:
        BadInput: the port is in use.
    """
    with TemporaryDirectory(prefix="nightcrew-github-") as folder:
        twin = GitHubTwin(Path(folder), port)
        repository = twin.hub.create(full_name)
        token = f"ghp_{secrets.token_hex(18)}"
        twin.hub.give_token(token, repository.owner)
        if on_ready is not None:
            on_ready(twin.base_url, twin.address(repository, token))
        twin.server.serve()
