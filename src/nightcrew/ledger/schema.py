"""The SQL of the ledger's views over the files of one folder.

Schema `facts` has one view per kind of event: archive and journals together, each event once. The public
views are the files in `views/`. A file's header gives its question, grain and columns, which become the
comments that DuckDB shows. Only SQL common to DuckDB 1.5 and 2.0 is used.
"""

# ruff: noqa: S608 - built from our own names; every text from outside goes through `literal`

import json
import types
import typing
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from nightcrew.ledger.events import EVENT_TYPES, Event

VIEWS_FOLDER = Path(__file__).parent / "views"

PUBLIC_VIEWS = (  # later views may read earlier ones
    "model_calls",
    "rescues",
    "decisions",
    "attempts",
    "tasks",
    "deliveries",
    "merged_changes",
    "findings",
    "cost_per_accepted_change",
    "model_performance",
    "calls_per_accepted_change",
    "model_latency",
    "rate_limit_losses",
    "retries_wasted",
    "failure_reasons_weekly",
    "gate_outcomes",
    "verdict_shares",
    "budget_burn_down",
    "throughput_hourly",
    "queue_wait",
)

KNOWN_COST = """CREATE OR REPLACE MACRO facts.known_cost(total, calls_of_unknown_cost) AS
    CASE WHEN coalesce(total, 0) <> 0 OR coalesce(calls_of_unknown_cost, 0) = 0
         THEN coalesce(total, 0)::DECIMAL(18, 9) END;"""  # never 0 if an unknown amount was spent

_SCALARS: dict[Any, str] = {
    str: "VARCHAR",
    int: "BIGINT",
    float: "DOUBLE",
    bool: "BOOLEAN",
    Decimal: "DECIMAL(18,9)",
    datetime: "TIMESTAMPTZ",
}
_ENVELOPE = {"event_id": "VARCHAR", "recorded_at": "TIMESTAMPTZ", "schema_version": "BIGINT"}


@dataclass(frozen=True, slots=True)
class PublicView:
    """A public view: its parsed header and its query."""

    name: str
    question: str
    grain: str
    columns: dict[str, str]  # name -> what it means, with unit
    query: str


def load_view(path: Path) -> PublicView:
    """The view in `path`; its first comment line is the question, followed by grain and columns."""
    text = path.read_text(encoding="utf-8")
    header = [line[2:].strip() for line in text.splitlines() if line.startswith("--")]
    at = header.index("Columns:")
    grain = next(line for line in header if line.startswith("Grain: "))
    columns = dict(line.split(": ", 1) for line in header[at + 1 :] if line)
    query = "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
    return PublicView(path.stem, header[0], grain.removeprefix("Grain: "), columns, query.removesuffix(";"))


def public_views() -> tuple[PublicView, ...]:
    """Every public view, in the order in which they can be created."""
    return tuple(load_view(VIEWS_FOLDER / f"{name}.sql") for name in PUBLIC_VIEWS)


def columns_of(event_type: type[Event]) -> dict[str, Any]:
    """Column names and types of a kind of event, in the notation of DuckDB's `from_json`."""
    return _ENVELOPE | _structure(event_type)


def sql_type(column: Any) -> str:
    """A type in `from_json` notation as an SQL type."""
    match column:
        case [item]:
            return f"{sql_type(item)}[]"
        case dict():
            return f"STRUCT({', '.join(f'{name} {sql_type(kind)}' for name, kind in column.items())})"
    return str(column)


def literal(text: str | Path) -> str:
    """`text` as a string in SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def glob_literal(folder: str | Path, pattern: str) -> str:
    """A glob below `folder` as a string in SQL; characters of the folder itself are escaped."""
    plain = "".join(f"[{char}]" if char in "*?[" else char for char in str(folder))
    return literal(f"{plain}/{pattern}")


def journal_lines(files: str, *, but_last: bool = False) -> str:
    """A query for `filename` and `line` of journals (a glob or list in SQL); `but_last` leaves out the last.

    Bytes that are no UTF-8 become `\\xHH`, which is not JSON, so that they cost their line and not the file.
    """
    damaged = "content::VARCHAR"  # DuckDB writes quotes, backslashes and line ends as \xHH, too
    for char in ("chr(10)", "chr(34)", "chr(39)", "chr(92)"):
        code = f"{int(char[4:-1]):02X}"
        damaged = f"replace({damaged}, '\\x{code}', {char})"
    lines = f"string_split(coalesce(TRY(decode(content)), {damaged}), chr(10))"
    if but_last:
        lines = f"list_slice({lines}, 1, -2)"
    return f"SELECT filename, unnest({lines}) AS line FROM read_blob({files})"


def journal_rows(event_type: type[Event], files: str) -> str:
    """A query for the events of one kind in journal files (a glob or list in SQL), each event once.

    `from_json` needs valid JSON and filters may be reordered, so each line is checked in place, which skips
    incomplete and damaged lines. Of a fact recorded twice, the first recording is kept.
    """
    structure = literal(json.dumps(columns_of(event_type)))
    prefix = literal(f'{{"kind":"{event_type.kind}",')
    return (
        "SELECT DISTINCT ON (event_id) * FROM (\n"
        f"    SELECT unnest(from_json(CASE WHEN json_valid(line) THEN line END, {structure}))\n"
        f"    FROM ({journal_lines(files)})\n"
        f"    WHERE starts_with(line, {prefix}) AND json_valid(line))\n"
        "WHERE event_id IS NOT NULL AND recorded_at IS NOT NULL\n"
        "ORDER BY event_id, recorded_at"
    )


def facts_view(event_type: type[Event], ledger_dir: Path, archive: str) -> str:
    """The view over archive and journals for one kind of event.

    The archive is scanned once and materialised, because two scans could see different lists of parts.
    """
    names = ", ".join(columns_of(event_type))
    parts = glob_literal(archive, f"part-*/{event_type.kind}.parquet")
    journals = glob_literal(ledger_dir, "journal/*/*.jsonl")
    return (
        f"CREATE OR REPLACE VIEW facts.{event_type.kind} AS\n"
        f"WITH archived AS MATERIALIZED (\n"
        f"SELECT {names} FROM read_parquet({parts}, union_by_name = true)),\n"
        f"live AS (\n{journal_rows(event_type, journals)})\n"
        f"SELECT {names} FROM archived UNION ALL\n"
        f"SELECT {names} FROM live WHERE NOT EXISTS (\n"
        f"    SELECT 1 FROM archived WHERE archived.event_id = live.event_id);"
    )


def script(ledger_dir: Path, archive: str | None = None) -> str:
    """The content of `ledger.sql`, which makes the ledger in `ledger_dir` available in a DuckDB session.

    `archive` is the place of its parts: a path or a URL; None: `archive/` in that folder.
    """
    archive = archive or f"{ledger_dir}/archive"
    statements = ["BEGIN;", "CREATE SCHEMA IF NOT EXISTS facts;", KNOWN_COST]
    statements += [facts_view(event_type, ledger_dir, archive) for event_type in EVENT_TYPES]
    for view in public_views():
        statements.append(f"CREATE OR REPLACE VIEW {view.name} AS\n{view.query};")
        statements.append(f"COMMENT ON VIEW {view.name} IS {literal(f'{view.question} {view.grain}')};")
        statements += [
            f"COMMENT ON COLUMN {view.name}.{column} IS {literal(meaning)};"
            for column, meaning in view.columns.items()
        ]
    return "\n".join([*statements, "COMMIT;"]) + "\n"


# --- private ----------------------------------------------------------------------------------------------


def _structure(shape: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(shape)
    return {field.name: _column(hints[field.name]) for field in fields(shape)}


def _column(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):  # `X | None`
        (hint,) = (option for option in typing.get_args(hint) if option is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        return [_column(typing.get_args(hint)[0])]
    return _SCALARS[hint] if hint in _SCALARS else _structure(hint)
