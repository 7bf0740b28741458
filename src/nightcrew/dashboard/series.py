"""The ledger's figures at one moment, for Prometheus: sums by label, and no more than a scrape needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nightcrew.ledger.ledger import Ledger, Row
from nightcrew.queue.state_store import utc_now


@dataclass(frozen=True, slots=True)
class Series:
    """The rows behind the metrics at `taken_at`, by the names in `_METRICS`."""

    taken_at: datetime
    rows: Mapping[str, list[Row]]


def read_series(ledger: Ledger) -> Series:
    """Read the rows.

    Raises:
        Transient: the files could not be read.
    """
    with ledger.computed_once("tasks"):
        return Series(utc_now(), {name: ledger.query(*asked) for name, asked in _METRICS.items()})


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
