"""Reads a Parquet table of outcomes for the replay; it is here because only this package uses DuckDB."""

from pathlib import Path

import duckdb

from nightcrew.errors import BadInput
from nightcrew.selection.replay.outcomes import Outcome

NEEDED = ("task_id", "model", "success", "cost_usd")
# Output field: the SQL to read it, and the default if the column is missing.
_FIELDS = {
    "dataset": ("coalesce(dataset::varchar, '')", "''"),
    "task_id": ("task_id::varchar", "''"),
    "category": ("coalesce(task_type::varchar, '')", "''"),
    "agent": ("coalesce(agent::varchar, '')", "''"),
    "model": ("model::varchar", "''"),
    "trial": ("coalesce(trial::varchar, '')", "''"),
    "success": ("success > 0", "false"),
    "cost_usd": ("cost_usd::double", "0.0"),
    "seconds": ("latency_s::double", "null"),
    "input_price_1m": ("input_price_1m::double", "null"),
    "output_price_1m": ("output_price_1m::double", "null"),
    "available": ("coalesce(available, true)", "true"),
}
_COLUMN = {"category": "task_type", "seconds": "latency_s"}


def read_outcomes(path: Path) -> list[Outcome]:
    """The rows of `path` with known outcome and cost, and without a flag.

    Raises:
        BadInput: the file cannot be read, or lacks a required column.
    """
    if not path.is_file():
        raise BadInput(f"there is no file {path}")
    with duckdb.connect() as connection:
        try:
            described = connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
            columns = {str(row[0]) for row in described}
            missing = [name for name in NEEDED if name not in columns]
            if missing:
                raise BadInput(f"{path}: the table of outcomes lacks the column {', '.join(missing)}")
            rows = connection.execute(_query(columns), [str(path)]).fetchall()
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]  # the query follows
            raise BadInput(f"{path} cannot be read as a Parquet table: {reason}") from None
    return [Outcome(*row) for row in rows]


# ------------------------------------------------------------------------------------------------------


def _query(columns: set[str]) -> str:
    fields = [
        f"{known if _COLUMN.get(name, name) in columns else absent} as {name}"
        for name, (known, absent) in _FIELDS.items()
    ]
    usable = ["task_id is not null", "model is not null", "success is not null"]
    usable += ["cost_usd is not null", "not isnan(cost_usd::double)", "cost_usd >= 0"]
    if "flag" in columns:
        usable.append("coalesce(flag::varchar, '') = ''")
    return f"select {', '.join(fields)} from read_parquet(?) where {' and '.join(usable)}"  # noqa: S608
