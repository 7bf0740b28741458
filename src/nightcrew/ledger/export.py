"""Writes the ledger's views to files for other programs, with a description of their columns."""

import json
import uuid
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.errors import BadInput
from nightcrew.ledger.schema import PUBLIC_VIEWS, literal, public_views

if TYPE_CHECKING:
    from nightcrew.ledger.ledger import Ledger

VIEWS_VERSION = 1
"""Raised when a column of a public view is renamed, retyped or taken away; new columns do not raise it."""


class ExportFormat(StrEnum):
    """The form of exported files."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"  # one object per line


def export(ledger: "Ledger", folder: Path, form: ExportFormat, views: Sequence[str] = ()) -> list[Path]:
    """Write each of `views` (none: all) to `folder`, and `schema.json`; each file is replaced as a whole.

    Raises:
        BadInput: a view is unknown, or the folder cannot be written.
    """
    if unknown := sorted({*views} - {*PUBLIC_VIEWS}):
        raise BadInput(f"no view is called {unknown[0]}; the views are {', '.join(PUBLIC_VIEWS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [_write(ledger, folder, form, view) for view in views or PUBLIC_VIEWS]
        schema = json.dumps(schema_of(ledger), indent=1) + "\n"
        return [*files, _replaced(folder / "schema.json", lambda draft: draft.write_text(schema))]
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror}") from None


def schema_of(ledger: "Ledger") -> dict[str, Any]:
    """The views' version, and for each view its question, its grain, and type and meaning of each column."""
    types = ledger.query("SELECT table_name, column_name, data_type FROM duckdb_columns()")
    known = {(row["table_name"], row["column_name"]): row["data_type"] for row in types}
    views = {
        view.name: {
            "question": view.question,
            "grain": view.grain,
            "columns": {
                name: {"type": known[view.name, name], "meaning": meaning}
                for name, meaning in view.columns.items()
            },
        }
        for view in public_views()
    }
    return {"version": VIEWS_VERSION, "views": views}


# ---------------------------------------------------------------------------------------------------------


def _write(ledger: "Ledger", folder: Path, form: ExportFormat, view: str) -> Path:
    return _replaced(
        folder / f"{view}.{form}",
        lambda draft: ledger.query(f"COPY (FROM {view}) TO {literal(draft)} (FORMAT {form})"),
    )


def _replaced(path: Path, write: Callable[[Path], object]) -> Path:
    draft = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        draft.touch(mode=0o600)
        write(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
