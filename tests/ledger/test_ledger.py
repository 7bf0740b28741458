"""Opening and asking a ledger, from our code and from any other."""

import shutil
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from nightcrew.errors import BadInput
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.schema import PUBLIC_VIEWS
from tests.ledger.story import record_night

EXECUTORS = [("direct", 5, 1), ("openhands", 1, 1)]


@pytest.mark.parametrize("view", PUBLIC_VIEWS)
def test_an_empty_ledger_answers_every_question(tmp_path: Path, view: str) -> None:
    with Ledger(tmp_path / "new") as ledger:
        assert ledger.query(f"SELECT * FROM {view}") == []


def test_an_empty_ledger_has_a_summary(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        summary = ledger.summary()
    assert (summary.tasks, summary.attempts, summary.calls) == (0, 0, 0)
    assert summary.cost_usd == 0 and summary.cost_per_accepted_usd is None
    assert summary.tasks_by_status == {}


def test_a_summary_leaves_the_views_as_they_are_and_sees_what_is_recorded_after_it(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        assert ledger.summary().attempts == 0
        record_night(tmp_path)
        assert "verdict_summary" in ledger.query("SELECT * FROM attempts")[0]
        assert ledger.summary().attempts == 6


def test_the_summary_of_a_night(night: Ledger) -> None:
    summary = night.summary()
    assert summary.tasks_by_status == {"completed": 2, "failed": 2, "queued": 1, "running": 1}
    assert (summary.tasks, summary.attempts, summary.accepted, summary.calls) == (6, 6, 2, 8)
    assert (summary.input_tokens, summary.output_tokens) == (600, 120)
    assert summary.cost_usd == Decimal("0.007000002") and summary.calls_of_unknown_cost == 1
    assert summary.cost_per_accepted_usd == Decimal("0.003500001")
    assert summary.calls_per_accepted == 4.0
    assert summary.failure_reasons == {"infrastructure": 1, "rejected": 1}
    assert [(row["executor"], row["attempts"], row["accepted"]) for row in summary.executors] == EXECUTORS
    assert sum(row["calls_per_accepted"] * row["accepted"] for row in summary.executors) == 8
    assert [row["model"] for row in summary.model_performance] == [
        "maker/free:free",
        "maker/good",
        "maker/lazy",
        "maker/lazy",
    ]


def test_parameters_are_bound(night: Ledger) -> None:
    assert night.query("SELECT status FROM tasks WHERE task_id = ?", ["t-docs"]) == [{"status": "completed"}]
    assert night.query("SELECT status FROM tasks WHERE task_id = $id", {"id": "t-waits"}) == [
        {"status": "queued"}
    ]


def test_wrong_sql_gets_a_sentence(night: Ledger) -> None:
    with pytest.raises(BadInput, match=r"the query is invalid: .*no_such_table"):
        night.query("SELECT * FROM no_such_table")


def test_a_frame_for_notebooks(night: Ledger) -> None:
    frame = night.frame("SELECT task_id, cost_usd FROM tasks ORDER BY task_id")
    assert list(frame.columns) == ["task_id", "cost_usd"] and len(frame) == 6
    assert frame["cost_usd"].isna().sum() == 1


def test_without_pandas_everything_but_a_frame_works(tmp_path: Path) -> None:
    """In a process of its own: pandas must not even be imported where the extra `analytics` is missing."""
    script = """
import sys
from pathlib import Path
sys.modules.update(dict.fromkeys(("pandas", "numpy", "altair", "marimo")))
from nightcrew.errors import BadInput
from nightcrew.ledger.ledger import Ledger
with Ledger(Path(sys.argv[1])) as ledger:
    assert ledger.summary().tasks == 0
    try:
        ledger.frame("FROM tasks")
    except BadInput as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "a frame needs pandas, which comes with pip install 'nightcrew[analytics]'\n"


def test_other_tools_read_ledger_duckdb_and_ledger_sql(night_dir: Path, night: Ledger) -> None:
    """The file holds views only, in a format that DuckDB 1.5 and 2.0 read; attached under any name, too."""
    path = night.write_ledger_file()
    question = "SELECT task_id, cost_usd FROM {} ORDER BY task_id"
    expected = [tuple(row.values()) for row in night.query(question.format("tasks"))]
    with duckdb.connect(path, read_only=True) as direct:
        assert direct.execute(question.format("tasks")).fetchall() == expected
        tables = "SELECT count(*) FROM duckdb_tables()"
        assert direct.execute(tables).fetchall() == [(0,)]
        ((tags,),) = direct.execute(
            "SELECT tags::VARCHAR FROM duckdb_databases() WHERE NOT internal"
        ).fetchall()
        assert "v1.2.0" in tags
    with duckdb.connect() as attached:
        quoted = str(path).replace("'", "''")
        attached.execute(f"ATTACH '{quoted}' AS crew (READ_ONLY)")
        assert attached.execute(question.format("crew.tasks")).fetchall() == expected
    with duckdb.connect() as session:
        session.execute((night_dir / "ledger.sql").read_text(encoding="utf-8")).fetchall()
        assert session.execute(question.format("tasks")).fetchall() == expected


def test_ledger_duckdb_is_written_again_only_when_it_must_be(tmp_path: Path) -> None:
    record_night(tmp_path / "a")
    with Ledger(tmp_path / "a") as ledger:
        path = ledger.write_ledger_file()
        before = path.stat().st_ino
        assert ledger.write_ledger_file().stat().st_ino == before
    shutil.move(tmp_path / "a", tmp_path / "b")
    with Ledger(tmp_path / "b") as moved:
        path = moved.write_ledger_file()
    assert path.stat().st_ino != before
    with duckdb.connect(path, read_only=True) as direct:
        assert direct.execute("SELECT count(*) FROM tasks").fetchall() == [(6,)]


def test_many_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    problems: list[BaseException] = []

    def open_it() -> None:
        try:
            with Ledger(tmp_path / "new") as ledger:
                ledger.write_ledger_file()
                assert ledger.query("SELECT * FROM tasks") == []
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert not list((tmp_path / "new").rglob(".tmp-*"))
