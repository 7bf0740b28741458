"""The notebook, `metrics`, the dashboard, Prometheus and Prefect's artifact show the same figures."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.report_costs import read_report
from nightcrew.dashboard import pages
from nightcrew.dashboard.figures import read_figures
from nightcrew.dashboard.prometheus import exposition
from nightcrew.dashboard.series import read_series
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.report import usd
from nightcrew.settings import Settings
from tests.dashboard.test_prometheus import samples
from tests.ledger.story import record_night

COUNTS = {"tasks": 6, "attempts": 6, "accepted": 2, "calls": 8}
COST, PER_ACCEPTED = Decimal("0.007000002"), Decimal("0.003500001")
"""What the story adds up to, worked out by hand."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    record_night(folder / "ledger")
    return folder


@pytest.fixture(scope="module")
def printed(home: Path) -> Mapping[str, Any]:
    """What `nightcrew metrics --json` prints, which also makes the views for the notebook."""
    command = [sys.executable, "-m", "nightcrew.cli", "metrics", "--json"]
    done = subprocess.run(
        command, capture_output=True, env=os.environ | {"NIGHTCREW_HOME": str(home)}, check=True
    )
    read: Mapping[str, Any] = json.loads(done.stdout)
    return read


def test_the_command_prints_them(printed: Mapping[str, Any]) -> None:
    assert {name: printed[name] for name in COUNTS} == COUNTS
    assert (Decimal(printed["cost_usd"]), Decimal(printed["cost_per_accepted_usd"])) == (COST, PER_ACCEPTED)


def test_the_dashboard_shows_them(home: Path) -> None:
    with Ledger(home / "ledger") as ledger:
        page = pages.overview(read_figures(ledger), None)
    assert f"<dd>{COUNTS['accepted']}</dd>" in page
    assert f"of {COUNTS['attempts']} attempts at {COUNTS['tasks']} tasks" in page
    assert f"<dd>{usd(COST)}</dd>" in page and f"{COUNTS['calls']} calls" in page
    assert f"<dd>{usd(PER_ACCEPTED)}</dd>" in page


def test_prometheus_reads_them(home: Path) -> None:
    with Ledger(home / "ledger") as ledger:
        found = samples(exposition(read_series(ledger), None))
    sums = {name: sum(value for _, value in series) for name, series in found.items()}
    assert sums["nightcrew_tasks_by_type"] == COUNTS["tasks"]
    assert sums["nightcrew_attempts_total"] == COUNTS["attempts"]
    assert sums["nightcrew_model_calls_total"] == COUNTS["calls"]
    assert sums["nightcrew_cost_usd_total"] == pytest.approx(float(COST))


def test_the_artifact_in_prefect_shows_them(home: Path) -> None:
    report = read_report(Settings(home=home))
    assert f"- **{COUNTS['tasks']} tasks**" in report
    assert f"- **{usd(COST)}** in {COUNTS['attempts']} attempts with {COUNTS['calls']} calls" in report
    assert f"- **{usd(PER_ACCEPTED)}** and 4.0 calls for each of 2 accepted changes" in report


def test_the_notebook_shows_them(
    home: Path, printed: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("marimo")
    from tests.analytics.test_notebook import run_notebook

    monkeypatch.setenv("NIGHTCREW_HOME", str(home))
    shown = run_notebook()
    assert shown["totals"]["cost_usd"] == pytest.approx(float(COST))
    assert len(shown["tasks"]) == printed["tasks"]
    assert sum(row["calls"] for row in shown["calls"]) == printed["calls"]
    assert sum(row["accepted"] for row in shown["by_model"]) == printed["accepted"]
