"""Figures of attempts and tasks that the compactor keeps, so that `metrics` costs little in a large ledger.

`figures/<name>/` has a row for each attempt and task whose facts are archived, exactly as the views compute
them. `figures/current.json` names the folder and the parts that it was computed from. Whoever reads it takes
the kept rows but for the tasks that have facts elsewhere (newer parts, journals), and computes those again.
Where a part is gone or has changed, or another version's views made them, the figures are not used: they
only save work.
"""

# ruff: noqa: S608 - built from our own names; every text from outside goes through `literal`

import hashlib
import json
import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from nightcrew.ledger.events import EVENT_TYPES
from nightcrew.ledger.files import connect, write_text
from nightcrew.ledger.schema import columns_of, facts_view, glob_literal, journal_rows, literal, script
from nightcrew.ledger.sharing import ARCHIVED

log = logging.getLogger(__name__)

ATTEMPTS = (
    "attempt_id, task_id, task_type, number, executor, model, started_at, seconds, outcome, verdict, score, "
    "calls, input_tokens, output_tokens, cost_usd, calls_of_unknown_cost, calls_saved, judged_as"
)
TASKS = "task_id, status, failure_reason"
_TABLES = {"attempts": ATTEMPTS, "tasks": TASKS}
_AT_ONCE = 50_000  # tasks that are computed together, which bounds the memory
_FOLDER, _CURRENT = "figures", "current.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """Kept figures that can be used, and the parts that are not in them."""

    folder: Path
    newer: tuple[str, ...]


def find_kept(ledger_dir: Path) -> Kept | None:
    """The kept figures; None if there are none, or the archive has lost what they were computed from."""
    try:
        current = json.loads((ledger_dir / _FOLDER / _CURRENT).read_text())
        folder, covered = ledger_dir / _FOLDER / current["folder"], dict(current["parts"])
        views = current["views"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    there = _parts(ledger_dir)
    if views != _views() or not folder.is_dir() or not covered.items() <= there.items():
        return None
    return Kept(folder, tuple(sorted(there.keys() - covered.keys())))


def keep_figures(ledger_dir: Path) -> None:
    """Bring the kept figures up to date with the archive. Hold the compactor's lock."""
    kept = find_kept(ledger_dir)
    if kept is not None and not kept.newer:
        return
    folder = ledger_dir / _FOLDER / f"{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    with connect() as connection:
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(script(ledger_dir)).fetchall()
        newer = kept.newer if kept else tuple(_parts(ledger_dir))
        _find_touched(connection, _archived_tasks(ledger_dir, newer))
        if kept is not None:
            for name, columns in _TABLES.items():
                _copy(
                    connection,
                    f"SELECT {columns} FROM {_unchanged(kept, name)}",
                    folder / f"{name}-0.parquet",
                )
        ((count,),) = connection.execute("SELECT count(*) FROM touched").fetchall()
        groups = count // _AT_ONCE + 1
        connection.execute("ALTER TABLE touched RENAME TO all_touched")
        for group in range(groups):
            connection.execute(
                "CREATE OR REPLACE TABLE touched AS "
                f"SELECT task_id FROM all_touched WHERE hash(task_id) % {groups} = {group}"
            )
            with _only_touched(connection, ledger_dir, journals=False):
                for name, columns in _TABLES.items():
                    target = folder / f"{name}-{group + 1}.parquet"
                    _copy(connection, f"SELECT {columns} FROM memory.main.{name}", target)
    note_parts(ledger_dir, folder.name)


def note_parts(ledger_dir: Path, name: str | None = None) -> None:
    """Say which folder (None: still the same) has figures of all parts that are there now.

    The former folder stays for those who read it; older ones are removed.
    """
    path, former, views = ledger_dir / _FOLDER / _CURRENT, None, ""
    with suppress(OSError, ValueError, KeyError):
        current = json.loads(path.read_text())
        former, views = current["folder"], current["views"]
    if name is not None:
        views = _views()
    name = name or former
    if name is None:
        return
    write_text(path, json.dumps({"folder": name, "parts": _parts(ledger_dir), "views": views}))
    for folder in path.parent.iterdir():
        if folder.is_dir() and folder.name not in {name, former}:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_in_session(connection: duckdb.DuckDBPyConnection, ledger_dir: Path) -> Iterator[bool]:
    """Meanwhile `attempts` and `tasks` are kept rows and computed ones together; False if none are kept."""
    live = _live_tasks(ledger_dir)  # first, because what is archived meanwhile is then in a newer part
    kept = find_kept(ledger_dir)
    if kept is None:
        yield False
        return
    _find_touched(connection, f"{_archived_tasks(ledger_dir, kept.newer)} UNION {live}")
    try:
        with _only_touched(connection, ledger_dir, journals=True):
            for name, columns in _TABLES.items():
                connection.execute(
                    f"CREATE TEMP TABLE fresh_{name} AS SELECT {columns} FROM memory.main.{name}"
                )
        for name, columns in _TABLES.items():
            connection.execute(
                f"CREATE TEMP VIEW {name} AS SELECT {columns} FROM {_unchanged(kept, name)} "
                f"UNION ALL SELECT {columns} FROM fresh_{name}"
            )
        yield True
    finally:
        for name in _TABLES:
            connection.execute(f"DROP VIEW IF EXISTS temp.{name}")
            connection.execute(f"DROP TABLE IF EXISTS temp.fresh_{name}")
        connection.execute("DROP TABLE IF EXISTS touched")


# ---------------------------------------------------------------------------------------------------------


def _parts(ledger_dir: Path) -> dict[str, int]:
    """The archive's parts, and the bytes of each."""
    parts = [path for path in (ledger_dir / "archive").glob("part-*") if not path.name.startswith("part-0-")]
    return {part.name: sum(file.stat().st_size for file in part.iterdir()) for part in parts}


def _views() -> str:
    """A digest of what computes the figures."""
    return hashlib.sha256(script(Path(_FOLDER)).encode()).hexdigest()


def _archived_tasks(ledger_dir: Path, parts: tuple[str, ...]) -> str:
    """A query for the tasks that have facts in these parts."""
    queries = ["SELECT NULL::VARCHAR AS task_id WHERE false"]
    for part in parts:
        for event_type in EVENT_TYPES:
            file = ledger_dir / "archive" / part / f"{event_type.kind}.parquet"
            if file.is_file():
                queries.append(f"SELECT task_id FROM read_parquet({literal(file)})")
    return " UNION ".join(queries)


def _live_tasks(ledger_dir: Path) -> str:
    """A query for the tasks in journals that have more than what was archived of them."""
    try:
        archived = json.loads((ledger_dir / ARCHIVED).read_text())
    except (OSError, ValueError):
        archived = {}
    paths = (ledger_dir / "journal").glob("*/*.jsonl")
    names = [(f"{path.parent.name}/{path.name}", path.stat().st_size) for path in paths]
    live = [name for name, size in names if size and archived.get(name, (-1, 0.0))[0] != size]
    if not live:
        return "SELECT NULL::VARCHAR AS task_id WHERE false"
    files = "[" + ", ".join(glob_literal(ledger_dir / "journal", name) for name in live) + "]"
    return " UNION ".join(f"SELECT task_id FROM ({journal_rows(one, files)})" for one in EVENT_TYPES)


def _find_touched(connection: duckdb.DuckDBPyConnection, tasks: str) -> None:
    connection.execute(f"CREATE OR REPLACE TABLE touched AS SELECT DISTINCT task_id FROM ({tasks})")


@contextmanager
def _only_touched(
    connection: duckdb.DuckDBPyConnection, ledger_dir: Path, *, journals: bool
) -> Iterator[None]:
    """Meanwhile the facts are those of the tasks in the table `touched`."""
    for event_type in EVENT_TYPES:
        names = ", ".join(columns_of(event_type))
        parts = glob_literal(ledger_dir / "archive", f"part-*/{event_type.kind}.parquet")
        wanted = "WHERE task_id IN (SELECT task_id FROM touched)"
        query = f"SELECT {names} FROM read_parquet({parts}, union_by_name = true) {wanted}"
        if journals:
            live = journal_rows(event_type, glob_literal(ledger_dir, "journal/*/*.jsonl"))
            query = (
                f"WITH archived AS MATERIALIZED ({query}) SELECT {names} FROM archived UNION ALL\n"
                f"SELECT {names} FROM ({live}) AS live {wanted} AND NOT EXISTS (\n"
                "    SELECT 1 FROM archived WHERE archived.event_id = live.event_id)"
            )
        connection.execute(f"CREATE OR REPLACE VIEW facts.{event_type.kind} AS {query}")
    try:
        yield
    finally:
        for event_type in EVENT_TYPES:
            connection.execute(facts_view(event_type, ledger_dir, f"{ledger_dir}/archive"))


def _unchanged(kept: Kept, name: str) -> str:
    files = glob_literal(kept.folder, f"{name}-*.parquet")
    return f"read_parquet({files}) WHERE task_id NOT IN (SELECT task_id FROM touched)"


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    connection.execute(f"COPY ({query}) TO {literal(target)} (FORMAT parquet)")
