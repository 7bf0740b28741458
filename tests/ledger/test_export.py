"""Exported files hold what the views hold, and what the columns mean; a version's columns stay."""

import json
from pathlib import Path

import duckdb
import pytest

from nightcrew.errors import BadInput
from nightcrew.ledger.export import ExportFormat, export, schema_of
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.schema import PUBLIC_VIEWS

GOLDEN = Path(__file__).parent / "golden" / "views_1.json"


@pytest.mark.parametrize("form", ExportFormat)
def test_a_file_holds_the_rows_of_its_view(night: Ledger, tmp_path: Path, form: ExportFormat) -> None:
    files = export(night, tmp_path / "a 'folder'", form)
    assert {file.name for file in files} == {f"{view}.{form}" for view in PUBLIC_VIEWS} | {"schema.json"}
    assert sorted(files) == sorted((tmp_path / "a 'folder'").iterdir())
    question = "SELECT count(*) AS n, sum(calls)::INT AS calls, sum(cost_usd)::DECIMAL(18, 9) AS cost FROM "
    (expected,) = night.query(question + "tasks")
    assert expected["n"] and expected["cost"]
    with duckdb.connect() as session:
        path = next(str(file) for file in files if file.name == f"tasks.{form}")
        found = session.execute(question + f"read_{form}($path)", {"path": path}).fetchone()
    assert found == tuple(expected.values())


def test_an_empty_ledger_is_exported(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger") as ledger:
        (tasks, _) = export(ledger, tmp_path / "out", ExportFormat.CSV, ["tasks"])
    assert tasks.read_text().startswith("task_id,task_type,")


def test_an_unknown_view_and_a_file_in_the_way_are_named(night: Ledger, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no view is called taks"):
        export(night, tmp_path / "out", ExportFormat.CSV, ["taks"])
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        export(night, tmp_path / "file", ExportFormat.CSV)


def test_what_others_read_stays_until_the_version_is_raised(night: Ledger) -> None:
    """Columns may be added; renaming, retyping or removing one needs a new version and golden file."""
    schema, golden = schema_of(night), json.loads(GOLDEN.read_text())
    types = {
        f"{view}.{name}": column["type"]
        for view, shown in schema["views"].items()
        for name, column in shown["columns"].items()
    }
    assert schema["version"] == golden["version"]
    assert golden["columns"].items() <= types.items()
