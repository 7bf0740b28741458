"""Recording: exactly once, whatever happens around it."""

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from nightcrew.errors import Transient
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.metrics_collector import MetricsCollector, changed_lines, without_credentials
from nightcrew.task import TaskStatus
from tests.ledger.story import DIRECT, LAZY, SECRET, Clock, call, record_night, record_tests_task, task


def run_python(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Another process that runs `code`, with the story at hand."""
    prelude = """
        import os, signal, sys
        from pathlib import Path
        from nightcrew.ledger.metrics_collector import MetricsCollector
        from tests.ledger.story import *
    """
    source = textwrap.dedent(prelude) + textwrap.dedent(code)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen([sys.executable, "-c", source, *arguments], env=environment)


def test_recorded_twice_is_there_once(tmp_path: Path) -> None:
    """A retried step, and a second process that repeats the whole night an hour later, change nothing."""
    record_night(tmp_path)
    with Ledger(tmp_path) as ledger:
        before = {view: ledger.query(f"SELECT * FROM {view} ORDER BY ALL") for view in ("tasks", "attempts")}
        calls = ledger.query("SELECT count(*) AS n, sum(cost_usd) AS usd FROM model_calls")
        record_night(tmp_path)
        clock = Clock()
        with MetricsCollector(tmp_path, "again", clock=clock) as crew:
            record_tests_task(crew, clock)
        assert {view: ledger.query(f"SELECT * FROM {view} ORDER BY ALL") for view in before} == before
        assert ledger.query("SELECT count(*) AS n, sum(cost_usd) AS usd FROM model_calls") == calls


def test_the_first_recording_gives_the_time(tmp_path: Path) -> None:
    clock = Clock()
    with MetricsCollector(tmp_path, "run", clock=clock) as crew:
        crew.task_submitted(task("t-late"))
        crew.task_finished("t-late", TaskStatus.CANCELLED, None, "cancelled", None)
        clock.at(50)
        crew.task_submitted(task("t-late"))
        crew.task_finished("t-late", TaskStatus.CANCELLED, None, "cancelled", None)
    with Ledger(tmp_path) as ledger:
        (row,) = ledger.query("SELECT submitted_at, ended_at FROM tasks")
    assert row["submitted_at"] == row["ended_at"] == Clock().now


def test_a_retried_step_that_counts_its_calls_anew_loses_no_money(tmp_path: Path) -> None:
    """The gateway of a second try numbers its calls from 1 again: both calls were paid."""
    clock = Clock()
    with MetricsCollector(tmp_path, "run", clock=clock) as crew:
        for minute in (0, 1):
            clock.at(minute)
            crew.attempt_started(task("t-again"), "t-again:1", 1, DIRECT, LAZY)
            crew.model_call(call("t-again:1", 1, LAZY, "0.25", started_at=clock.now))
    with Ledger(tmp_path) as ledger:
        assert ledger.query("SELECT calls, cost_usd FROM attempts") == [
            {"calls": 2, "cost_usd": Decimal("0.5")}
        ]


def test_killed_right_after_an_event_nothing_is_lost(tmp_path: Path) -> None:
    """SIGKILL: the attempt shows as unfinished, with its call; the task as running."""
    process = run_python(
        """
        crew = MetricsCollector(Path(sys.argv[1]), "killed")
        crew.attempt_started(task("t-kill"), "t-kill:1", 1, DIRECT, LAZY)
        crew.model_call(call("t-kill:1", 1, LAZY, "0.003", started_at=Clock().now))
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        str(tmp_path),
    )
    assert process.wait(60) == -signal.SIGKILL
    with Ledger(tmp_path) as ledger:
        assert ledger.query("SELECT attempt_end, outcome, calls, cost_usd FROM attempts") == [
            {
                "attempt_end": "unfinished",
                "outcome": "unfinished",
                "calls": 1,
                "cost_usd": Decimal("0.003"),
            }
        ]
        assert ledger.query("SELECT status FROM tasks") == [{"status": "running"}]


def test_a_line_torn_by_a_kill_is_skipped(tmp_path: Path) -> None:
    record_night(tmp_path)
    (file,) = (tmp_path / "journal").glob("*T*/*.jsonl")
    whole = file.read_bytes()
    with Ledger(tmp_path) as ledger:
        for cut in (1, 40, 200):
            file.write_bytes(whole[:-cut])
            assert ledger.query("SELECT count(*) AS n FROM tasks")[0]["n"] in (5, 6)
        file.write_bytes(whole + b'{"kind":"task_finished","event_id":"task_fin')
        assert ledger.query("SELECT count(*) AS n FROM tasks") == [{"n": 6}]


def test_twenty_processes_record_together_while_a_notebook_holds_the_file(tmp_path: Path) -> None:
    """`ledger.duckdb` is open read-write elsewhere all the time: no writer and no reader notices."""
    with Ledger(tmp_path) as ledger:
        held = duckdb.connect(str(ledger.write_ledger_file()))
        held.execute("CREATE TABLE scratch AS SELECT 1 AS mine").fetchall()
        processes = [
            run_python(
                """
                name = f"t-p{sys.argv[2]}"
                with MetricsCollector(Path(sys.argv[1]), name) as crew:
                    crew.task_submitted(task(name))
                    crew.attempt_started(task(name), f"{name}:1", 1, DIRECT, LAZY)
                    for n in range(1, 6):
                        crew.model_call(call(f"{name}:1", n, LAZY, "0.0001", started_at=Clock().now))
                    crew.flush()
                """,
                str(tmp_path),
                str(number),
            )
            for number in range(20)
        ]
        assert [process.wait(120) for process in processes] == [0] * 20
        assert ledger.query("SELECT count(*) AS n, sum(cost_usd) AS usd FROM model_calls") == [
            {"n": 100, "usd": Decimal("0.0100")}
        ]
        assert held.execute("SELECT count(*) FROM tasks").fetchall() == [(20,)]
        held.close()


def test_a_disk_that_refuses_loses_neither_work_nor_facts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Recording goes on and says so loudly; `flush` is what tells the record step to try again."""
    obstacle = tmp_path / "journal"
    obstacle.write_text("a file where the folder should be")
    crew = MetricsCollector(tmp_path, "run")
    crew.task_submitted(task("t-one"))
    crew.task_finished("t-one", TaskStatus.COMPLETED, None, "accepted", None)
    assert "the ledger cannot be written" in caplog.text and "2 facts are kept" in caplog.text
    with pytest.raises(Transient, match="cannot be written"):
        crew.flush()
    obstacle.unlink()
    crew.flush()
    crew.close()
    with Ledger(tmp_path) as ledger:
        assert ledger.query("SELECT status FROM tasks") == [{"status": "completed"}]


def test_what_could_never_be_written_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "journal").write_text("in the way")
    with caplog.at_level(logging.CRITICAL), MetricsCollector(tmp_path, "run") as crew:
        crew.task_submitted(task("t-one"))
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert json.loads(message.partition(": ")[2])["task_id"] == "t-one"


def test_no_prompt_no_answer_and_no_password_is_recorded(night_dir: Path) -> None:
    everything = b"".join(path.read_bytes() for path in night_dir.rglob("*.jsonl"))
    assert b"t-tests" in everything
    assert SECRET.encode() not in everything


def test_recording_needs_neither_duckdb_nor_pandas(tmp_path: Path) -> None:
    process = run_python(
        """
        record_night(Path(sys.argv[1]))
        assert not {"duckdb", "pandas"} & set(sys.modules)
        """,
        str(tmp_path),
    )
    assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("repo", "kept"),
    [
        ("/srv/shop", "/srv/shop"),
        ("https://me:secret@host/shop.git?x=secret#secret", "https://host/shop.git"),
        ("ssh://git@host:22/shop", "ssh://host:22/shop"),
        ("git@host:shop.git", "git@host:shop.git"),
        ("https://[broken", "(unreadable URL)"),
    ],
)
def test_a_repository_is_named_without_credentials(repo: str, kept: str) -> None:
    assert without_credentials(repo) == kept


def test_changed_lines_are_those_of_the_hunks() -> None:
    patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n--- sql comment\n+++ more\n+a\n same\n"
    assert changed_lines(patch) == 3
    assert changed_lines("") == 0
