"""The ledger's figures at one moment, from one session; dashboard and metrics show nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nightcrew.ledger.ledger import Ledger, Row, Summary
from nightcrew.ledger.report import SECTIONS, Section
from nightcrew.queue.state_store import utc_now
from nightcrew.shared_files import SharedFiles

DAYS = 30
"""The days of the two charts."""

MORE_SECTIONS = (
    Section(
        "By repository",
        "SELECT repo, count(*) AS tasks, count(*) FILTER (status = 'completed') AS completed, "
        "count(*) FILTER (status = 'needs_review') AS for_a_person, "
        "count(*) FILTER (status = 'failed') AS failed, sum(calls)::BIGINT AS calls, "
        "facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost)) AS cost_usd, "
        "(facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost))::DOUBLE "
        "/ nullif(count(*) FILTER (verdict = 'accepted'), 0))::DECIMAL(18, 9) AS cost_per_accepted_usd "
        "FROM tasks GROUP BY repo ORDER BY tasks DESC, repo LIMIT 50",
        {
            "repo": "Repository",
            "tasks": "Tasks",
            "completed": "Completed",
            "for_a_person": "For a person",
            "failed": "Failed",
            "calls": "Calls",
            "cost_usd": "Cost",
            "cost_per_accepted_usd": "Cost per accepted change",
        },
        "No task is recorded yet: this shows what each repository cost, and what came of it.",
    ),
    Section(
        "Reasons of failed tasks",
        "SELECT coalesce(failure_reason, 'unknown') AS failure_reason, count(*) AS tasks, "
        "max(ended_at) AS last "
        "FROM tasks WHERE status = 'failed' GROUP BY 1 ORDER BY tasks DESC",
        {"failure_reason": "Reason", "tasks": "Tasks", "last": "Last (UTC)"},
        "No task has failed.",
    ),
    Section(
        "Delivered changes",
        "SELECT status, count(*) AS tasks, max(delivered_at) AS last FROM deliveries GROUP BY 1 ORDER BY 1",
        {"status": "Delivery", "tasks": "Tasks", "last": "Last (UTC)"},
        "No change was to be delivered as a branch: changes are kept as patches.",
    ),
    Section(
        "Answers in a wrong form, and their repair",
        "SELECT model, kind, count(*) AS answers, count(*) FILTER (worked) AS repaired FROM rescues "
        "GROUP BY ALL ORDER BY answers DESC, model, kind LIMIT 20",
        {"model": "Model", "kind": "What was wrong", "answers": "Answers", "repaired": "Repaired"},
        "Every answer came in the right form.",
    ),
    Section(
        "Most expensive tasks",
        "SELECT task_id, task_type, status, attempts, calls, cost_usd, seconds FROM tasks WHERE calls > 0 "
        "ORDER BY cost_usd DESC NULLS LAST, calls DESC, task_id LIMIT 10",
        {
            "task_id": "Task",
            "task_type": "Type",
            "status": "Status",
            "attempts": "Attempts",
            "calls": "Calls",
            "cost_usd": "Cost",
            "seconds": "Seconds",
        },
        "No task has made a call yet.",
    ),
    Section(
        "Slowest tasks",
        "SELECT task_id, task_type, status, attempts, queue_seconds, seconds "
        "FROM tasks WHERE seconds IS NOT NULL ORDER BY seconds DESC, task_id LIMIT 10",
        {
            "task_id": "Task",
            "task_type": "Type",
            "status": "Status",
            "attempts": "Attempts",
            "queue_seconds": "Seconds in the queue",
            "seconds": "Seconds",
        },
        "No task has ended yet.",
    ),
)
ALL_SECTIONS = (*MORE_SECTIONS, *SECTIONS)
"""The tables of the dashboard; those of the cost report come last."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures at `taken_at`; `tables` has the rows of each section by its title."""

    taken_at: datetime
    summary: Summary
    tables: Mapping[str, list[Row]]
    days: list[Row]  # of the last days with calls, oldest first
    under_way: list[Row]  # attempts without an end, of tasks that run
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
            under_way=ledger.query(_UNDER_WAY),
            metrics={name: ledger.query(*asked) for name, asked in _METRICS.items()},
        )


# ---------------------------------------------------------------------------------------------------------

_LAST_DAYS = """
SELECT * FROM (SELECT day, calls, cost_usd, month_to_date_usd, month_forecast_usd
               FROM budget_burn_down ORDER BY day DESC LIMIT $days) ORDER BY day"""
_UNDER_WAY = """
SELECT attempts.task_id, attempts.number, attempts.executor, attempts.model, attempts.started_at,
       attempts.calls, attempts.cost_usd
FROM attempts JOIN tasks USING (task_id)
WHERE attempts.outcome = 'unfinished' AND tasks.status = 'running'
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
