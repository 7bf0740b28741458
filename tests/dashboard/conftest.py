"""One night's figures for tests that only read."""

from pathlib import Path

import pytest

from nightcrew.dashboard.figures import Figures, read_figures
from nightcrew.dashboard.series import Series, read_series
from nightcrew.ledger.ledger import Ledger
from tests.ledger.story import record_night


@pytest.fixture(scope="session")
def night_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dashboard") / "ledger"
    record_night(folder)
    return folder


@pytest.fixture(scope="session")
def night_figures(night_ledger: Path) -> Figures:
    with Ledger(night_ledger) as ledger:
        return read_figures(ledger)


@pytest.fixture(scope="session")
def night_series(night_ledger: Path) -> Series:
    with Ledger(night_ledger) as ledger:
        return read_series(ledger)
