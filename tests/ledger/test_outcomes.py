from pathlib import Path

import duckdb
import pytest

from nightcrew.errors import BadInput
from nightcrew.ledger.outcomes import read_outcomes


def table(tmp_path: Path, select: str) -> Path:
    path = tmp_path / "outcomes.parquet"
    duckdb.sql(f"copy ({select}) to '{path}' (format parquet)")
    return path


def test_rows_are_read_and_those_of_no_use_are_left_out(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        """select 'set' dataset, task_id, 'fix' task_type, 'agent' agent, 'm' model, 0 trial, 1 success,
           cost_usd, 3.5 latency_s, 0.5 input_price_1m, 2.0 output_price_1m, null::boolean available, flag
           from (values ('good', 0.25, ''), ('unpriced', null, ''), ('flagged', 0.1, 'broken'),
                        ('nan', 'nan'::double, '')) as t(task_id, cost_usd, flag)""",
    )
    (row,) = read_outcomes(path)
    assert (row.task_id, row.category, row.success, row.cost_usd, row.seconds) == (
        "good",
        "fix",
        True,
        0.25,
        3.5,
    )
    assert (row.input_price_1m_usd, row.output_price_1m_usd, row.available) == (0.5, 2.0, True)


def test_columns_that_are_not_needed_may_be_missing(tmp_path: Path) -> None:
    path = table(tmp_path, "select 't' task_id, 'm' model, 0 success, 0.5 cost_usd")
    (row,) = read_outcomes(path)
    assert (row.category, row.seconds, row.available, row.success) == ("", None, True, False)


def test_a_needed_column_is_missed_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="lacks the column success, cost_usd"):
        read_outcomes(table(tmp_path, "select 't' task_id, 'm' model"))


def test_a_file_that_is_no_table_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.parquet"
    path.write_text("no table")
    with pytest.raises(BadInput, match="cannot be read as a Parquet table"):
        read_outcomes(path)
