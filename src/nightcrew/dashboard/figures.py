"""The ledger's figures at one moment, for the dashboard's pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nightcrew.dashboard.sections import ALL_SECTIONS
from nightcrew.ledger.ledger import Ledger, Row, Summary
from nightcrew.queue.state_store import utc_now

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


def read_figures(ledger: Ledger) -> Figures:
    """Read all figures; takes some 4 CPU seconds for 100,000 tasks.

    Raises:
        Transient: the files could not be read.
    """
    with ledger.computed_once("tasks", "gate_outcomes"):
        return Figures(
            taken_at=utc_now(),
            summary=ledger.summary(),
            tables={section.title: ledger.query(section.sql) for section in ALL_SECTIONS},
            days=ledger.query(_LAST_DAYS, {"days": DAYS}),
            hours=ledger.query(_HOURS, {"today": utc_now().date()}),
            merged=ledger.query(_MERGED)[0],
            under_way=ledger.query(_UNDER_WAY),
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
