"""The original's claim: "no sensitive data". Its key was an argument of `docker run` and in the log."""

import json
import logging
import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from tests.claims.conftest import Five
from tests.claims.line import CAPABLE, KEY, Line

ROOT = Path(__file__).resolve().parents[2]


def test_the_key_is_in_no_processs_arguments_and_in_no_sandboxs_environment(five: Five) -> None:
    """`/proc/*/cmdline` of the whole machine, looked at ten times a second while five tasks were done."""
    assert five.seen.looks >= 10 and five.seen.sandboxed >= 5
    assert not five.seen.found


def test_the_key_is_in_no_file_that_the_crew_keeps(five: Five, line: Line, files_of_home: list[Path]) -> None:
    """Ledger, journals, patches, verdicts, evidence, memory, environments."""
    line.crew.collector.flush()
    kept = {path.suffix for path in files_of_home}
    assert {".patch", ".json", ".jsonl"} <= kept
    assert not [path for path in files_of_home if KEY.encode() in path.read_bytes()]


def test_the_key_is_in_no_row_of_the_state_store(five: Five, line: Line) -> None:
    rows = 0
    with line.crew.store.engine.connect() as connection:
        for table in inspect(line.crew.store.engine).get_table_names():
            for (row,) in connection.execute(text(f'select to_jsonb(t)::text from "{table}" t')):
                rows += 1
                assert KEY not in row, table
    assert rows > 20


def test_the_key_is_in_no_log_line_however_much_is_logged(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        line.do(
            task_type="analysis", target_file="stock.py", description="Look, and log all.", models=[CAPABLE]
        )
    assert len(caplog.records) > 5
    assert KEY not in caplog.text


def test_the_key_was_sent_to_the_provider_and_nothing_else_would_have_been_let_in(
    five: Five, line: Line
) -> None:
    """So that the tests above look for a key that was really in use."""
    assert line.twin.backend.scenario.account.api_key == KEY
    assert all(work.queued.calls for work in five.works)


def test_the_key_is_in_no_answer_of_the_ledger(five: Five, line: Line) -> None:
    for view in ("tasks", "attempts", "model_calls", "findings", "decisions"):
        assert KEY not in json.dumps(line.query(f"select * from {view}"), default=str)


def test_no_key_of_a_real_account_is_committed() -> None:
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "grep", "-hoE", r"sk-or-v1-[0-9a-f]{32,}"], capture_output=True, text=True
    )
    assert not re.findall(r"sk-or-v1-[0-9a-f]{32,}", tracked.stdout)
