from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox, open_sandbox
from nightcrew.settings import SandboxKind, Settings
from tests.validation.house import House, make_house


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return open_sandbox(SandboxKind.BUBBLEWRAP)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    folder: Path = tmp_path_factory.mktemp("house") / "repo"
    return make_house(folder, settings, sandbox)
