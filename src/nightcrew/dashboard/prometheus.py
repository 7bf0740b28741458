"""Metrics in Prometheus' text form: the same figures as the dashboard's.

Counters start at the ledger's first fact, so they never go back while the ledger is kept. Labels are bounded:
the models with the most calls have their own series, all others share one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from nightcrew.dashboard.present import Present
from nightcrew.dashboard.series import CALL_BOUNDS, WAIT_BOUNDS, Series
from nightcrew.ledger.ledger import Row
from nightcrew.queue.state_store import utc_now

CONTENT_TYPE = CONTENT_TYPE_LATEST
MOST_MODELS = 50
OTHERS = "other"


def exposition(series: Series | None, present: Present | None) -> bytes:
    """All metrics; those of the ledger or the state store are missing while it cannot be read."""
    registry = CollectorRegistry(auto_describe=False)
    ledger = () if series is None else _of_ledger(series)
    registry.register(_Collected([*ledger, *_of_present(present)]))
    return generate_latest(registry)


# ---------------------------------------------------------------------------------------------------------


class _Collected(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _of_ledger(series: Series) -> Iterator[Metric]:
    metrics = series.rows
    known = {row["model"] for row in metrics["models"][:MOST_MODELS]}
    types = GaugeMetricFamily("nightcrew_tasks_by_type", "Tasks by type.", labels=("type", "status"))
    _add(types, metrics["types"], "tasks", known)
    yield types
    attempts = CounterMetricFamily(
        "nightcrew_attempts", "Attempts that were begun.", labels=("model", "executor", "outcome")
    )
    _add(attempts, metrics["attempts"], "attempts", known)
    yield attempts
    gates = CounterMetricFamily("nightcrew_gate_results", "Results of gates.", labels=("gate", "outcome"))
    _add(gates, metrics["gates"], "results", known)
    yield gates
    for name, words, column in (
        ("nightcrew_model_calls", "Model calls, answered or not.", "calls"),
        ("nightcrew_rate_limited_calls", "Model calls that were refused with 429.", "rate_limited"),
        ("nightcrew_cost_usd", "Known cost of model calls in US dollars.", "cost_usd"),
        ("nightcrew_calls_of_unknown_cost", "Calls whose cost is unknown.", "calls_of_unknown_cost"),
        ("nightcrew_input_tokens", "Tokens sent to models.", "input_tokens"),
        ("nightcrew_output_tokens", "Tokens received from models.", "output_tokens"),
    ):
        of_calls = CounterMetricFamily(name, words, labels=("model",))
        _add(of_calls, metrics["models"], column, known)
        yield of_calls
    rescues = CounterMetricFamily(
        "nightcrew_rescues", "Repairs of an answer's form.", labels=("model", "kind", "worked")
    )
    _add(rescues, metrics["rescues"], "rescues", known)
    yield rescues
    words = "Until the last byte of an answer."
    durations = metrics["durations"]
    yield _histogram("nightcrew_call_duration_seconds", words, "model", CALL_BOUNDS, durations, known)
    words = "From submission to the start of a task."
    waits = metrics["waits"]
    yield _histogram("nightcrew_queue_wait_seconds", words, "priority", WAIT_BOUNDS, waits, None)
    yield GaugeMetricFamily(
        "nightcrew_ledger_age_seconds",
        "Age of the figures of the ledger.",
        value=(utc_now() - series.taken_at).total_seconds(),
    )


def _of_present(present: Present | None) -> Iterator[Metric]:
    reachable = present is not None
    yield GaugeMetricFamily("nightcrew_store_up", "1 if the state store can be reached.", value=reachable)
    if present is None:
        return
    tasks = GaugeMetricFamily("nightcrew_tasks", "Tasks by priority.", labels=("priority", "status"))
    for priority, counts in present.stats.counts.items():
        for status, count in counts.items():
            tasks.add_metric((priority, status), count)
    yield tasks
    left = GaugeMetricFamily("nightcrew_free_calls_left", "Free calls that are left.", labels=("window",))
    left.add_metric(("minute",), present.quota.minute)
    left.add_metric(("day",), present.quota.day)
    yield left
    money = GaugeMetricFamily("nightcrew_budget_left_usd", "Budget that is left.", labels=("scope",))
    for scope, amount in present.budget_left_usd.items():
        money.add_metric((scope,), float(amount))
    yield money
    kinds = [key.partition(":")[0] for key in present.resting]
    breakers = GaugeMetricFamily("nightcrew_breakers_open", "What is given a rest.", labels=("kind",))
    for kind in ("model", "provider"):
        breakers.add_metric((kind,), kinds.count(kind))
    yield breakers
    yield from _states(present)


def _states(present: Present) -> Iterator[Metric]:
    oldest = present.outbox_since
    for name, words, value in (
        ("nightcrew_stopped", "1 while the crew is stopped.", present.stop is not None),
        ("nightcrew_provider_offline", "1 while the provider cannot be reached.", present.outage is not None),
        (
            "nightcrew_leases",
            "Running tasks that a process holds.",
            present.held,
        ),
        ("nightcrew_unfinished_tasks", "Unfinished tasks.", present.stats.unfinished),
        ("nightcrew_unfinished_tasks_limit", "The most unfinished tasks.", present.stats.bound),
        ("nightcrew_outbox_facts", "Facts on their way to the ledger.", present.outbox),
        (
            "nightcrew_outbox_age_seconds",
            "Age of the oldest fact on its way to the ledger.",
            0.0 if oldest is None else (utc_now() - oldest).total_seconds(),
        ),
    ):
        yield GaugeMetricFamily(name, words, value=float(value))


def _add(
    family: CounterMetricFamily | GaugeMetricFamily, rows: Iterable[Row], column: str, known: set[str] | None
) -> None:
    """Add `column` of the rows; their other columns are the labels. Rows with the same labels are summed."""
    sums: dict[tuple[str, ...], float] = {}
    for row in rows:
        labels = tuple(_label(name, row, known) for name in family._labelnames)
        sums[labels] = sums.get(labels, 0.0) + float(row[column] or 0)
    for labels, value in sums.items():
        family.add_metric(labels, value)


def _histogram(
    name: str, words: str, label: str, bounds: Sequence[float], rows: Iterable[Row], known: set[str] | None
) -> HistogramMetricFamily:
    """Rows have the label, `place` among the bounds, and the `number` and sum (`seconds`) of values there."""
    family = HistogramMetricFamily(name, words, labels=(label,))
    numbers: dict[str, list[int]] = {}
    totals: dict[str, float] = {}
    for row in rows:
        value = _label(label, row, known)
        numbers.setdefault(value, [0] * (len(bounds) + 1))[row["place"]] += row["number"]
        totals[value] = totals.get(value, 0.0) + row["seconds"]
    names = [*map(str, bounds), "+Inf"]
    for value, counts in numbers.items():
        family.add_metric((value,), list(zip(names, accumulate(counts), strict=True)), totals[value])
    return family


def _label(name: str, row: Mapping[str, object], known: set[str] | None) -> str:
    value = row[name]
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return OTHERS if name == "model" and known is not None and text not in known else text
