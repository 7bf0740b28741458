"""The public views: golden rows, documented columns, types and units."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.ledger.schema import PUBLIC_VIEWS, VIEWS_FOLDER, load_view, script
from nightcrew.task import ExecutorName
from nightcrew.validation.verdict import Finding, GateOutcome, GateResult, Severity, Verdict, VerdictKind
from tests.ledger.story import Clock, attempt, call, task

GOLDEN = Path(__file__).parent / "golden"


def plain(value: Any) -> Any:
    """A cell as JSON can hold it; money keeps its type by being a string."""
    match value:
        case Decimal():
            return f"${value:f}"
        case datetime() | date():
            return value.isoformat()
        case float():
            return round(value, 6)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def rows_of(ledger: Ledger, view: str) -> list[Any]:
    return [plain(row) for row in ledger.query(f"SELECT * FROM {view} ORDER BY ALL")]


@pytest.mark.parametrize("view", PUBLIC_VIEWS)
def test_a_night_gives_exactly_these_rows(night: Ledger, view: str) -> None:
    assert rows_of(night, view) == json.loads((GOLDEN / f"{view}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("view", PUBLIC_VIEWS)
def test_the_documented_columns_are_the_real_ones(night: Ledger, view: str) -> None:
    documented = load_view(VIEWS_FOLDER / f"{view}.sql")
    assert list(documented.columns) == [row["column_name"] for row in night.query(f"DESCRIBE {view}")]
    assert documented.question.endswith(("?", ".")) and documented.grain.endswith(".")


def test_every_view_in_the_folder_is_public() -> None:
    assert sorted(PUBLIC_VIEWS) == sorted(path.stem for path in VIEWS_FOLDER.iterdir())


def test_what_a_column_means_can_be_asked_in_sql(night: Ledger) -> None:
    (row,) = night.query(
        "SELECT comment FROM duckdb_columns() WHERE table_name = 'model_calls' AND column_name = 'cost_usd'"
    )
    assert "NULL: unknown" in row["comment"]


@pytest.mark.parametrize("view", PUBLIC_VIEWS)
def test_types_are_those_the_names_promise(night: Ledger, view: str) -> None:
    for row in night.query(f"DESCRIBE {view}"):
        name, kind = row["column_name"], row["column_type"]
        assert kind != "HUGEINT", name
        if name.endswith("_usd"):
            assert kind == "DECIMAL(18,9)", name
        if name.endswith("_at"):
            assert kind == "TIMESTAMP WITH TIME ZONE", name


def test_days_and_hours_are_utc_whatever_the_session_thinks(night_dir: Path) -> None:
    """21:00 to 22:00 UTC on the 23rd is the 24th in Tokyo; the views do not care."""
    with duckdb.connect() as session:
        session.execute("SET TimeZone = 'Asia/Tokyo'")
        session.execute(script(night_dir)).fetchall()
        assert session.execute("SELECT DISTINCT day FROM budget_burn_down").fetchall() == [
            (date(2026, 11, 23),)
        ]
        assert session.execute("SELECT min(hour) FROM throughput_hourly").fetchall() == [
            (datetime(2026, 11, 23, 21),)
        ]


def test_an_unknown_cost_is_never_zero(night: Ledger) -> None:
    """t-prose made one call of unknown cost: NULL in the call, the attempt and the task."""
    for view in ("model_calls", "attempts", "tasks"):
        assert night.query(f"SELECT cost_usd FROM {view} WHERE task_id = 't-prose'") == [{"cost_usd": None}]
    assert night.query("SELECT count(*) AS n FROM model_calls WHERE is_cost_unknown") == [{"n": 1}]


def test_views_agree_on_what_was_spent(night: Ledger) -> None:
    sums = [
        night.query(f"SELECT sum(cost_usd) AS usd FROM {view}")[0]["usd"]
        for view in ("model_calls", "attempts", "tasks", "cost_per_accepted_change", "model_performance")
    ]
    assert set(sums) == {Decimal("0.007000002")}  # 0.001 + 0.0000000015 (to nine decimals) + 0.002 + 0.004


def test_a_clock_that_is_set_back_makes_no_attempt_longer(tmp_path: Path) -> None:
    clock = Clock()
    began, hours = clock.now, timedelta(hours=5)
    with MetricsCollector(tmp_path, "day", clock=clock) as crew:
        work = task("t-1")
        crew.task_submitted(work)
        crew.attempt_started(work, "t-1:1", 1, ExecutorName.DIRECT, "maker/any")
        crew.model_call(call("t-1:1", 1, "maker/any", "0.001", started_at=began - hours))
        crew.attempt_finished(attempt("t-1:1", "maker/any", began=began, ended=began + timedelta(seconds=20)))
    with Ledger(tmp_path) as ledger:
        (row,) = ledger.query("SELECT started_at, seconds FROM attempts")
    assert row == {"started_at": began, "seconds": 20.0}


def test_who_is_asked_is_counted_apart(tmp_path: Path) -> None:
    """One verdict of each kind: refused, asked for a test, asked of a person, not measurable, accepted."""
    unproven = GateResult(
        "needed",
        GateOutcome.FAIL,
        "two lines",
        findings=(Finding("x", "a.py", 1, severity=Severity.UNPROVEN),),
    )
    kinds = [
        (VerdictKind.REJECTED, (GateResult("lost", GateOutcome.FAIL, "gone"), unproven)),
        (VerdictKind.REJECTED, (unproven,)),
        (VerdictKind.NOT_MEASURABLE, (GateResult("empowered", GateOutcome.ASKS, "network"),)),
        (VerdictKind.NOT_MEASURABLE, (GateResult("behaviour", GateOutcome.NOT_MEASURABLE, "no suite"),)),
        (VerdictKind.ACCEPTED, (GateResult("lost", GateOutcome.PASS, "nothing"),)),
    ]
    work = task("t-1")
    with MetricsCollector(tmp_path, "day") as crew:
        crew.task_submitted(work)
        for number, (kind, gates) in enumerate(kinds, 1):
            crew.attempt_started(work, f"t-1:{number}", number, ExecutorName.DIRECT, "maker/any")
            crew.verdict(f"t-1:{number}", "t-1", Verdict(kind, 0.5, gates, "so", "do"))
        crew.flush()
    ledger = Ledger(tmp_path)
    (row,) = ledger.query("SELECT * EXCLUDE (task_type) FROM verdict_shares")
    assert row == {
        "judged": 5, "accepted": 1, "rejected": 1, "asked_for_test": 1, "asked_person": 1,
        "not_measurable": 1,
        "infrastructure_fault": 0, "person_share": 0.4,
    }  # fmt: skip
    (needed,) = ledger.query("SELECT failed, unproven FROM gate_outcomes WHERE gate = 'needed'")
    (empowered,) = ledger.query("SELECT asks, failed FROM gate_outcomes WHERE gate = 'empowered'")
    assert (needed, empowered) == ({"failed": 0, "unproven": 2}, {"asks": 1, "failed": 0})
