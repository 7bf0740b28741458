from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox, open_sandbox
from nightcrew.settings import SandboxKind, Settings
from nightcrew.validation.loaded.forks import keep_pytest_loaded
from tests.validation.house import House, make_house


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return open_sandbox(SandboxKind.BUBBLEWRAP)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session", autouse=True)
def loaded_pytest(settings: Settings) -> Iterator[None]:
    """As in a worker, processes with pytest loaded serve the verdicts of all tests."""
    with keep_pytest_loaded(settings):
        yield


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    folder: Path = tmp_path_factory.mktemp("house") / "repo"
    return make_house(folder, settings, sandbox)
