"""The Ledger: queries everything that was recorded, in SQL.

A `Ledger` is an in-memory DuckDB session with the views of one folder; it takes no locks and blocks no
writer. It does not record: the Metrics Collector does that.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb

from nightcrew.errors import BadInput, Transient
from nightcrew.ledger.files import archive_of, connect, prepare, write_views
from nightcrew.ledger.kept import ATTEMPTS, kept_in_session
from nightcrew.ledger.quarantine import damaged_journals, locked, quarantined, set_unreadable_aside
from nightcrew.ledger.schema import glob_literal, script
from nightcrew.ledger.sharing import exchange_journals
from nightcrew.settings import Settings
from nightcrew.shared_files import SharedFiles, shared_files

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

BY_EXECUTOR = """
SELECT executor, count(*) AS attempts, count(*) FILTER (outcome = 'accepted') AS accepted,
       sum(calls)::DOUBLE / nullif(accepted, 0) AS calls_per_accepted,
       sum(input_tokens + output_tokens)::DOUBLE / nullif(accepted, 0) AS tokens_per_accepted,
       (facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost))::DOUBLE
           / nullif(accepted, 0))::DECIMAL(18, 9) AS cost_per_accepted_usd,
       sum(seconds) / nullif(accepted, 0) AS seconds_per_accepted
FROM attempts WHERE executor IS NOT NULL GROUP BY executor ORDER BY executor"""

TRIES = 10
"""Retries of a query: a journal folder may be removed between listing and opening its files."""

type Parameters = Sequence[object] | Mapping[str, object]
type Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of `nightcrew metrics`; rows come from the views of the same name."""

    tasks: int
    tasks_by_status: dict[str, int]
    attempts: int
    accepted: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None  # known costs; None: unknown
    calls_of_unknown_cost: int
    cost_per_accepted_usd: Decimal | None
    calls_per_accepted: float | None
    executors: list[Row]  # per executor: figures per accepted change, failed attempts included
    cost_per_accepted_change: list[Row]
    verdicts: list[Row]  # by task type: how often each was given, and a person's share
    model_performance: list[Row]
    failure_reasons: dict[str, int]


class Ledger:
    """Reads the ledger in `ledger_dir`, which is created if missing; a context manager.

    With `shared` files, it is the ledger of all hosts that share them.
    """

    def __init__(self, ledger_dir: Path, shared: SharedFiles | None = None) -> None:
        self.ledger_dir, self._shared = ledger_dir.absolute(), shared
        self._connection = connect(shared)
        self._is_computed = False
        self._retried(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the session."""
        self._connection.close()

    def query(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of a query, by column name; money is `Decimal`, times are UTC.

        Raises:
            BadInput: the SQL is invalid.
            Transient: the files could not be read.
        """

        def ask() -> list[Row]:
            cursor = self._connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        return self._retried(ask)

    def frame(self, sql: str, parameters: Parameters = ()) -> "pd.DataFrame":
        """The rows as a pandas frame, for notebooks; pandas converts money to float, so sum it in SQL.

        Raises:
            BadInput: the SQL is invalid, or pandas is not installed.
            Transient: the files could not be read.
        """
        try:
            import pandas  # noqa: F401  DuckDB needs it
        except ModuleNotFoundError:
            raise BadInput(
                "a frame needs pandas, which comes with pip install 'nightcrew[analytics]'"
            ) from None
        return self._retried(lambda: self._connection.execute(sql, parameters).df())

    def summary(self) -> Summary:
        """The figures of `nightcrew metrics`: kept ones of what is archived, computed ones of the rest."""
        # Nobody keeps figures of parts that several hosts write, and computed ones need no kept ones.
        if self._shared is None and not self._is_computed:
            try:
                with kept_in_session(self._connection, self.ledger_dir) as is_kept:
                    if is_kept:
                        return self._summary()
            except (duckdb.Error, OSError, BadInput, Transient) as error:
                log.warning("the kept figures cannot be used: %s", error)
        with self.computed_once():
            return self._summary()

    @contextmanager
    def computed_once(self, *views: str) -> Iterator[None]:
        """For several queries in a row: what an attempt cost and how it ended is computed once.

        A temporary table takes the place of the view `attempts` and of these `views`, also for the views
        that read them. Inside of another such block it does nothing.
        """
        if self._is_computed:
            yield
            return
        self._is_computed = True
        try:
            self.query(_ATTEMPTS_ONCE)
            for view in views:
                self.query(f"CREATE OR REPLACE TEMP TABLE {view} AS FROM memory.main.{view}")
            yield
        finally:
            self._is_computed = False
            for view in ("attempts", *views):
                self.query(f"DROP TABLE IF EXISTS temp.{view}")

    def _summary(self) -> Summary:
        (total,) = self.query(_TOTALS)
        tasks = self.query(
            "SELECT status, failure_reason, count(*) AS n FROM tasks GROUP BY ALL ORDER BY ALL"
        )
        return Summary(
            **total,
            tasks=sum(row["n"] for row in tasks),
            tasks_by_status=_added((row["status"], row["n"]) for row in tasks),
            executors=self.query(BY_EXECUTOR),
            cost_per_accepted_change=self.query(
                "SELECT * FROM cost_per_accepted_change ORDER BY model, task_type"
            ),
            verdicts=self.query("SELECT * FROM verdict_shares ORDER BY judged DESC, task_type"),
            model_performance=self.query("SELECT * FROM model_performance ORDER BY model, task_type"),
            failure_reasons=_added(
                (row["failure_reason"] or "unknown", row["n"]) for row in tasks if row["status"] == "failed"
            ),
        )

    def damaged(self) -> Sequence[Path]:
        """The files with facts that could not be read, and that no figure includes."""
        live = glob_literal(self.ledger_dir, "journal/*/*.jsonl")
        journals = self._retried(lambda: damaged_journals(self._connection, live))
        return [*quarantined(self.ledger_dir), *journals]

    def write_ledger_file(self) -> Path:
        """Update `ledger.duckdb` (views only) and `ledger.sql`; returns the path of the former."""
        return write_views(self.ledger_dir, self._shared)

    # --- private ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._shared:
            exchange_journals(self.ledger_dir, self._shared)
        prepare(self.ledger_dir, self._shared)
        text = script(self.ledger_dir, archive_of(self.ledger_dir, self._shared))
        try:
            self._connection.execute(text).fetchall()
        except duckdb.Error:
            with suppress(duckdb.Error):  # there may be no transaction
                self._connection.rollback()
            raise

    def _retried[T](self, ask: Callable[[], T]) -> T:
        """Ask again if files have gone in the meantime, or were damaged and are now in quarantine."""
        for left in reversed(range(TRIES)):
            try:
                return ask()
            except duckdb.Error as error:
                if left and not isinstance(error, _WRONG_SQL):
                    with locked(self.ledger_dir, wait=True):
                        if set_unreadable_aside(self.ledger_dir, self._shared):
                            continue
                if not isinstance(error, duckdb.IOException):
                    raise BadInput(f"the query is invalid: {error}") from None
                if not left:
                    raise Transient(f"the ledger could not be read: {error}") from error
                time.sleep(0.05)
        raise AssertionError("unreachable")


def open_ledger(settings: Settings) -> Ledger:
    """The ledger of these settings: all that the crew has recorded, on whichever host."""
    return Ledger(settings.ledger_dir, shared_files(settings))


_WRONG_SQL = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)


def _added(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The counts by name, those of the same name added."""
    found: dict[str, int] = {}
    for name, count in counts:
        found[name] = found.get(name, 0) + count
    return found


_ATTEMPTS_ONCE = f"""
CREATE OR REPLACE TEMP TABLE attempts AS SELECT {ATTEMPTS} FROM memory.main.attempts"""  # noqa: S608 - own names

_TOTALS = """
SELECT count(*) AS attempts, count(*) FILTER (outcome = 'accepted') AS accepted,
       coalesce(sum(calls), 0)::BIGINT AS calls, coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
       coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens,
       facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost)) AS cost_usd,
       coalesce(sum(calls_of_unknown_cost), 0)::BIGINT AS calls_of_unknown_cost,
       (facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost))::DOUBLE
           / nullif(count(*) FILTER (outcome = 'accepted'), 0))::DECIMAL(18, 9) AS cost_per_accepted_usd,
       sum(calls)::DOUBLE / nullif(count(*) FILTER (outcome = 'accepted'), 0) AS calls_per_accepted
FROM attempts"""
