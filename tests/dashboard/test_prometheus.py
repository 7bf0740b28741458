"""The metrics: what Prometheus reads is what the ledger says, with labels whose number is bounded."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nightcrew.dashboard.figures import Figures
from nightcrew.dashboard.present import Present, read_present
from nightcrew.dashboard.prometheus import MOST_MODELS, OTHERS, exposition
from nightcrew.dashboard.series import CALL_BOUNDS, Series
from nightcrew.queue.state_store import StateStore
from nightcrew.settings import Settings

MONITORING = Path(__file__).parents[2] / "deployments" / "monitoring"

type Samples = dict[str, list[tuple[dict[str, str], float]]]


def samples(text: bytes) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


@pytest.fixture
def present(store: StateStore, tmp_path: Path) -> Present:
    """A crew that has nothing to do."""
    return read_present(store, Settings(home=tmp_path))


def test_sums_are_those_of_the_ledger(night_series: Series, night_figures: Figures) -> None:
    found, total = samples(exposition(night_series, None)), night_figures.summary
    sums = {name: sum(value for _, value in series) for name, series in found.items()}
    assert sums["nightcrew_attempts_total"] == total.attempts == 6
    assert sums["nightcrew_model_calls_total"] == total.calls == 8
    assert sums["nightcrew_cost_usd_total"] == pytest.approx(float(total.cost_usd or 0)) == 0.007000002
    assert sums["nightcrew_calls_of_unknown_cost_total"] == total.calls_of_unknown_cost == 1
    assert sums["nightcrew_input_tokens_total"] == total.input_tokens
    assert sums["nightcrew_tasks_by_type"] == total.tasks
    assert sums["nightcrew_rate_limited_calls_total"] == 1
    assert sums["nightcrew_store_up"] == 0
    accepted = [
        value for labels, value in found["nightcrew_attempts_total"] if labels["outcome"] == "accepted"
    ]
    assert sum(accepted) == total.accepted == 2


def test_buckets_are_cumulative_and_end_with_all(night_series: Series) -> None:
    found = samples(exposition(night_series, None))
    counts = {labels["model"]: count for labels, count in found["nightcrew_call_duration_seconds_count"]}
    for model, count in counts.items():
        series = [
            value
            for labels, value in found["nightcrew_call_duration_seconds_bucket"]
            if labels["model"] == model
        ]
        assert len(series) == len(CALL_BOUNDS) + 1
        assert series == sorted(series) and series[-1] == count


def test_models_beyond_the_bound_share_one_series(night_series: Series) -> None:
    row = night_series.rows["models"][0]
    many = [row | {"model": f"maker/{number}", "calls": 1} for number in range(MOST_MODELS + 30)]
    found = samples(exposition(replace(night_series, rows={**night_series.rows, "models": many}), None))
    calls = {labels["model"]: value for labels, value in found["nightcrew_model_calls_total"]}
    assert len(calls) == MOST_MODELS + 1 and calls[OTHERS] == 30


def test_without_a_ledger_there_is_only_the_state_of_the_crew() -> None:
    assert samples(exposition(None, None)) == {"nightcrew_store_up": [({}, 0.0)]}


@pytest.mark.parametrize("file", ["alerts.yml", "grafana.json"])
def test_every_metric_in_the_files_for_operators_exists(
    file: str, night_series: Series, present: Present
) -> None:
    used = set(re.findall(r"nightcrew_[a-z_]+", (MONITORING / file).read_text()))
    assert used and used <= set(samples(exposition(night_series, present)))


def test_the_dashboard_for_grafana_is_json() -> None:
    panels = json.loads((MONITORING / "grafana.json").read_text())["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels) == 10


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's prometheus is not installed")
def test_prometheus_accepts_rules_and_metrics(night_series: Series) -> None:
    rules = subprocess.run(
        ["promtool", "check", "rules", str(MONITORING / "alerts.yml")], capture_output=True
    )
    assert rules.returncode == 0, rules.stdout
    metrics = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition(night_series, None), capture_output=True
    )
    assert metrics.returncode == 0, metrics.stderr
