import pytest

from nightcrew.execution.sandbox import Sandbox, open_sandbox
from nightcrew.settings import SandboxKind


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return open_sandbox(SandboxKind.BUBBLEWRAP)
