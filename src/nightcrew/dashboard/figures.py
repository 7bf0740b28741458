"""The ledger's figures at one moment, from one session; dashboard and metrics show nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nightcrew.dashboard.sections import ALL_SECTIONS
from nightcrew.ledger.ledger import Ledger, Row, Summary
from nightcrew.queue.state_store import utc_now
from nightcrew.shared_files import SharedFiles

DAYS = 30
"""The days of the charts of cost and calls."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures at `taken_at`; `tables` has the rows of each section by its title."""

    taken_at: datetime
    summary: Summary
    tables: Mapping[str, list[Row]]
    days: list[Row]  # of the last days with calls, oldest first
    hours: list[Row]  # of today (UTC) with calls, oldest first: cost and free calls
    merged: Row  # pull requests, those that people decided on, and those that they merged
    under_way: list[Row]  # the last attempt of each task that runs
    metrics: Mapping[str, list[Row]]  # for Prometheus, by the names in `_METRICS`


def read_figures(ledger_dir: Path, shared: SharedFiles | None = None) -> Figures:
    """Read all figures; takes some 3 CPU seconds for 100,000 tasks.

    Raises:
        Transient: the files could not be read.
    """
    with Ledger(ledger_dir, shared) as ledger, ledger.computed_once("tasks", "gate_outcomes"):
        return Figures(
            taken_at=utc_now(),
            summary=ledger.summary(),
            tables={section.title: ledger.query(section.sql) for section in ALL_SECTIONS},
            days=ledger.query(_LAST_DAYS, {"days": DAYS}),
            hours=ledger.query(_HOURS, {"today": utc_now().date()}),
            merged=ledger.query(_MERGED)[0],
            under_way=ledger.query(_UNDER_WAY),
            metrics={name: ledger.query(*asked) for name, asked in _METRICS.items()},
        )


# ---------------------------------------------------------------------------------------------------------

_LAST_DAYS = """
SELECT * FROM (SELECT day, calls, cost_usd, month_to_date_usd, month_forecast_usd
               FROM budget_burn_down ORDER BY day DESC LIMIT $days) ORDER BY day"""
_HOURS = """
SELECT hour(started_at AT TIME ZONE 'UTC') AS hour, sum(cost_usd) AS cost_usd,
       count(*) FILTER (quota_window = $today::VARCHAR) AS free_calls
FROM model_calls WHERE (started_at AT TIME ZONE 'UTC')::DATE = $today GROUP BY 1 ORDER BY 1"""
_MERGED = """
SELECT coalesce(sum(pull_requests), 0)::BIGINT AS pull_requests, coalesce(sum(merged), 0)::BIGINT AS merged,
       coalesce(sum(merged + closed + reverted), 0)::BIGINT AS decided FROM merged_changes"""
_UNDER_WAY = """
SELECT attempts.task_id, attempts.number, attempts.executor, attempts.model, attempts.started_at,
       attempts.calls, attempts.cost_usd,
       CASE attempts.outcome WHEN 'unfinished' THEN 'the model works' WHEN 'unjudged' THEN 'the gates judge'
            ELSE 'the next attempt is planned' END AS step
FROM attempts JOIN tasks USING (task_id) WHERE tasks.status = 'running'
QUALIFY row_number() OVER (PARTITION BY attempts.task_id ORDER BY attempts.number DESC) = 1
ORDER BY attempts.started_at"""

CALL_BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0)
WAIT_BOUNDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""The upper bounds of the histograms, in seconds; `place` counts the bounds that a value is above."""

_METRICS: dict[str, tuple[str, dict[str, object]]] = {
    "attempts": ("SELECT model, executor, outcome, count(*) AS attempts FROM attempts GROUP BY ALL", {}),
    "types": ("SELECT task_type AS type, status, count(*) AS tasks FROM tasks GROUP BY ALL", {}),
    "gates": (
        "SELECT gate, outcome, sum(results)::BIGINT AS results FROM (UNPIVOT gate_outcomes "
        "ON passed, failed, unproven, asks, not_measurable INTO NAME outcome VALUE results) GROUP BY ALL",
        {},
    ),
    "rescues": ("SELECT model, kind, worked, count(*) AS rescues FROM rescues GROUP BY ALL", {}),
    "models": (
        "SELECT asked_model AS model, count(*) AS calls, "
        "count(*) FILTER (is_rate_limited) AS rate_limited, sum(cost_usd) AS cost_usd, "
        "count(*) FILTER (is_cost_unknown) AS calls_of_unknown_cost, "
        "sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens "
        "FROM model_calls GROUP BY 1 ORDER BY calls DESC, model",
        {},
    ),
    "durations": (
        "SELECT asked_model AS model, count(*) AS number, sum(duration_ms)::DOUBLE / 1000 AS seconds, "
        "len(list_filter($bounds::DOUBLE[], lambda bound: duration_ms / 1000 > bound)) AS place "
        "FROM model_calls WHERE duration_ms IS NOT NULL GROUP BY ALL",
        {"bounds": CALL_BOUNDS},
    ),
    "waits": (
        "SELECT priority, count(*) AS number, sum(queue_seconds)::DOUBLE AS seconds, "
        "len(list_filter($bounds::DOUBLE[], lambda bound: queue_seconds > bound)) AS place "
        "FROM tasks WHERE queue_seconds IS NOT NULL GROUP BY ALL",
        {"bounds": WAIT_BOUNDS},
    ),
}
