"""The notebook runs without a browser, on a full ledger, an empty one and none."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nightcrew.ledger.ledger import Ledger
from nightcrew.validation.verdict import GateOutcome

NOTEBOOK = Path(__file__).parents[2] / "analytics" / "notebooks" / "cost_and_quality.py"

pytest.importorskip("marimo")

POLICIES = """\
number,task_id,phase,kind,policy,solved,cost_usd,worth_usd,degraded
0,t-tests,learning,unit_test,oracle,1,0.002,0.01,
0,t-tests,learning,unit_test,always-cheapest,0,0.001,0.01,
1,t-docs,changed,documentation,oracle,1,0,0.01,maker/good
1,t-docs,changed,documentation,always-cheapest,1,0,0.01,maker/good
"""


def run_notebook() -> dict[str, Any]:
    """What the notebook's cells defined."""
    spec = importlib.util.spec_from_file_location("cost_and_quality", NOTEBOOK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, definitions = module.app.run()
    return dict(definitions)


def test_it_shows_cost_and_quality_by_model_and_type(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_HOME", str(home))
    shown = run_notebook()
    assert [(row["model"], row["task_type"], row["accepted"]) for row in shown["by_model"]] == [
        ("maker/free:free", "documentation", 1),
        ("maker/good", "unit_test", 1),
        ("maker/lazy", "bug_fix", 0),
        ("maker/lazy", "unit_test", 0),
    ]
    assert shown["totals"]["cost_usd"] == pytest.approx(0.007000002)
    chart = json.dumps(shown["cost_and_quality_chart"].to_dict())
    assert "maker/lazy" in chart and "success_rate_low" in chart
    assert shown["reasons"][0]["gate"] == "asserts"
    assert {"gate": "asserts", "outcome": "fail", "findings": 1} in shown["gates"]
    colours = shown["verdict_chart"].to_dict()["encoding"]["color"]["scale"]
    assert set(colours["domain"]) == set(GateOutcome) and len(colours["range"]) == len(GateOutcome)
    assert len(shown["tasks"]) == 6 and sum(row["calls"] for row in shown["calls"]) == 8


def test_it_plots_regret_where_the_benchmark_left_what_others_would_have_done(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The crew's rows are the ledger's: t-tests completed for $0.003000002, t-docs completed for nothing."""
    folder = tmp_path / "home"
    shutil.copytree(home, folder)
    with Ledger(folder / "ledger") as ledger:  # its views name their folder
        ledger.write_ledger_file()
    (folder / "policies.csv").write_text(POLICIES)
    monkeypatch.setenv("NIGHTCREW_HOME", str(folder))
    shown = run_notebook()
    last = {row["policy"]: row["regret_usd"] for row in shown["regret"] if row["number"] == 1}
    assert last["oracle"] == 0
    assert last["always-cheapest"] == pytest.approx(0.01 - 0.001)  # one less solved, a tenth of a cent less
    assert last["nightcrew"] == pytest.approx(0.003000002 - 0.002)
    chart = json.dumps(shown["regret_chart"].to_dict())
    assert "always-cheapest" in chart and "usd_per_accepted" in chart


def test_it_opens_on_an_empty_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_HOME", str(tmp_path))
    with Ledger(tmp_path / "ledger") as ledger:
        ledger.write_ledger_file()
    assert run_notebook()["totals"]["tasks"] == 0


@pytest.mark.parametrize("place", ["full", "absent"])
def test_it_runs_as_a_plain_script(home: Path, tmp_path: Path, place: str) -> None:
    """`python cost_and_quality.py`; where there is no ledger it says so and makes none."""
    folder = home if place == "full" else tmp_path / "absent"
    done = subprocess.run(
        [sys.executable, str(NOTEBOOK)],
        env=os.environ | {"NIGHTCREW_HOME": str(folder)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert folder.exists() == (place == "full")


def test_marimo_finds_nothing_to_mend() -> None:
    """It warns at each start of a notebook that it would lose a part of when it saves it."""
    command = [sys.executable, "-m", "marimo", "check", "--strict", str(NOTEBOOK)]
    done = subprocess.run(command, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b""), done.stdout.decode()


def test_without_the_extra_the_error_shows_what_to_install() -> None:
    """`-S`: an interpreter that finds no installed package."""
    done = subprocess.run([sys.executable, "-I", "-S", NOTEBOOK], capture_output=True, text=True)
    assert done.returncode == 1 and not done.stdout
    assert "import marimo  # where it is missing: pip install 'nightcrew[analytics]'" in done.stderr
