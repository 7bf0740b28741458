"""Every report runs on the public views, on a full ledger and on an empty one."""

import re
from pathlib import Path

import duckdb
import pytest

from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.schema import PUBLIC_VIEWS

REPORTS = sorted((Path(__file__).parents[2] / "analytics" / "reports").glob("*.sql"))

ROWS_OF_THE_NIGHT = {
    "does_the_agent_loop_pay_off": 4,
    "how_fast_do_models_answer": 3,
    "how_long_do_tasks_wait": 3,
    "how_much_gets_done": 1,
    "were_the_predictions_right": 3,
    "what_did_each_day_cost": 1,
    "what_do_rate_limits_cost": 1,
    "what_was_left_unfinished": 1,
    "where_did_the_money_go": 6,
    "which_answers_came_from_another_model": 1,
    "which_costs_are_unknown": 1,
    "which_model_should_do_what": 4,
    "which_tasks_needed_another_model": 1,
    "why_are_changes_rejected": 1,
    "why_did_tasks_fail": 2,
}


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.stem)
def test_a_report_answers(home: Path, report: Path) -> None:
    with duckdb.connect(home / "ledger" / "ledger.duckdb", read_only=True) as session:
        rows = session.execute(report.read_text(encoding="utf-8")).fetchall()
    if report.stem != "what_happened_in_the_last_day":  # looks at the clock
        assert len(rows) == ROWS_OF_THE_NIGHT[report.stem]


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.stem)
def test_a_report_has_nothing_to_say_about_an_empty_ledger(tmp_path: Path, report: Path) -> None:
    with Ledger(tmp_path) as ledger:
        assert ledger.query(report.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.stem)
def test_a_report_says_its_question_and_reads_what_it_says(report: Path) -> None:
    question, reads, *_ = report.read_text(encoding="utf-8").splitlines()
    assert question.startswith("-- ") and question.endswith("?")
    result = set(reads.removeprefix("-- Reads: ").split(", "))
    body = report.read_text(encoding="utf-8").partition("-- Reads: ")[2].partition("\n")[2]
    used = set(re.findall(r"\b(?:from|join)\s+([a-z_.]+)", body)) & {*PUBLIC_VIEWS, "facts"}
    assert result == used and result <= set(PUBLIC_VIEWS) and "facts." not in body


def test_every_report_is_known_and_in_the_readme() -> None:
    names = {report.stem for report in REPORTS}
    assert names == {*ROWS_OF_THE_NIGHT, "what_happened_in_the_last_day"}
    readme = (Path(__file__).parents[2] / "analytics" / "README.md").read_text(encoding="utf-8")
    assert {name for name in (*names, *PUBLIC_VIEWS) if f"`{name}`" not in readme} == set()
