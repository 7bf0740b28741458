"""A crew in a home of its own, for benchmarks that do tasks without Prefect (`nightcrew.work.foreground`)."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.support import quiet
from nightcrew.crew.storage.database import release_home
from nightcrew.ledger.ledger import Ledger
from nightcrew.settings import Settings, load_settings
from nightcrew.work.crew import Crew, open_crew

PLENTY_USD = "100000"


@contextmanager
def rooms(home: Path, base_url: str) -> Iterator[Crew]:
    """A crew in `home` whose models are at `base_url`; its own PostgreSQL stops at the end.

    The home may be one that an interrupted run left: what it recorded and learned is taken up.
    """
    for name in [name for name in os.environ if name.startswith(("NIGHTCREW_", "OPENROUTER_"))]:
        del os.environ[name]
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)  # the embedded PostgreSQL runs as another user when started by root
    quiet()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # let the embedded PostgreSQL be stopped
    settings = load_settings(
        home=home, base_url=base_url, api_key="twin", day_budget_usd=PLENTY_USD, month_budget_usd=PLENTY_USD
    )
    try:
        with open_crew(settings) as crew:
            crew.catalogue.refresh()
            yield crew
            _publish(settings)
    finally:
        release_home(settings)


# ----------------------------------------------------------------------------------------------------


def _publish(settings: Settings) -> None:
    """Write `ledger.duckdb` and `ledger.sql`, so that a notebook can open the home."""
    with Ledger(settings.ledger_dir) as ledger:
        ledger.write_ledger_file()
