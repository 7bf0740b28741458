"""A home folder with the story's ledger in it, as a notebook or report finds it."""

from pathlib import Path

import pytest

from nightcrew.ledger.ledger import Ledger
from tests.ledger.story import record_night


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    record_night(folder / "ledger")
    with Ledger(folder / "ledger") as ledger:
        ledger.write_ledger_file()
    return folder
