from collections.abc import Iterator

import pytest

from nightcrew.execution.sandbox import Sandbox, open_sandbox
from nightcrew.openhands.forks import keep_agents_loaded
from nightcrew.settings import SandboxKind, Settings


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return open_sandbox(SandboxKind.BUBBLEWRAP)


@pytest.fixture(scope="module", params=["loaded by itself", "forked"])
def start(request: pytest.FixtureRequest) -> Iterator[str]:
    """The two ways in which an agent gets the SDK."""
    if request.param == "forked":
        with keep_agents_loaded(Settings()):
            yield request.param
        return
    yield request.param
