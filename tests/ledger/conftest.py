"""One night's ledger for tests that only read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.ledger.ledger import Ledger
from tests.ledger.story import record_night


@pytest.fixture(scope="session")
def night_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night") / "led'ger [1]"  # a name that has to be quoted
    record_night(folder)
    return folder


@pytest.fixture(scope="session")
def night(night_dir: Path) -> Iterator[Ledger]:
    with Ledger(night_dir) as ledger:
        yield ledger
