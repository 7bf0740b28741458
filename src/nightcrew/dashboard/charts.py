"""The dashboard's charts: bars over the last days, and what is left of budgets and free calls over time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from nightcrew.dashboard.figures import DAYS, Figures
from nightcrew.dashboard.present import Present
from nightcrew.ledger.report import shown, usd

HOURS, MOST_DAYS = 24, 31
_LATE = "No call is recorded yet: this shows"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar at a place from 0 on; its height is 0 to 100."""

    place: int
    label: str
    value: str
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars in `slots` places; `words` say what they show."""

    title: str
    bars: Sequence[Bar]
    slots: int
    words: str
    empty: str = ""


def daily(figures: Figures) -> Sequence[Chart]:
    """Cost and calls of the last days."""
    return [
        _daily("Cost per day (UTC)", figures, "cost_usd", f"{_LATE} how fast the money goes."),
        _daily("Calls per day (UTC)", figures, "calls", f"{_LATE} how many calls each day took."),
    ]


def burn_down(figures: Figures, present: Present) -> Sequence[Chart]:
    """What is left of the day's budget and free calls by hour, and of the month's budget by day."""
    now, limits = figures.taken_at, present.budget_usd
    cost = {int(row["hour"]): Decimal(row["cost_usd"] or 0) for row in figures.hours}
    free = {int(row["hour"]): Decimal(row["free_calls"]) for row in figures.hours}
    month = {row["day"].day: Decimal(row["cost_usd"] or 0) for row in figures.days if _is_of(row["day"], now)}
    left = present.budget_left_usd
    calls, calls_left = Decimal(present.quota.a_day), Decimal(present.quota.day)
    hours, days = range(now.hour + 1), range(1, now.day + 1)
    return [
        _left("Budget of the day", limits["day"], left["day"], cost, hours, HOURS, usd),
        _left("Free calls of the day", calls, calls_left, free, hours, HOURS, _count),
        _left("Budget of the month", limits["month"], left["month"], month, days, MOST_DAYS, usd),
    ]


# ---------------------------------------------------------------------------------------------------------


def _daily(title: str, figures: Figures, column: str, empty: str) -> Chart:
    values = [float(row[column] or 0) for row in figures.days]
    most = max(values, default=0.0)
    bars = [
        Bar(place, str(row["day"]), shown(column, row[column]), 100 * value / most if most else 0.0)
        for place, (row, value) in enumerate(zip(figures.days, values, strict=True), DAYS - len(values))
    ]
    words = ""
    if bars:
        first = f"from {bars[0].label} to " if len(bars) > 1 else ""
        words = f"{first}{bars[-1].label}: {bars[-1].value}, at most {_most(bars).value} a day"
    return Chart(title, bars, DAYS, words, empty)


def _most(bars: Iterable[Bar]) -> Bar:
    return max(bars, key=lambda bar: bar.height)


def _left(
    title: str,
    limit: Decimal,
    left: Decimal,
    spent: dict[int, Decimal],
    places: range,
    slots: int,
    word: Callable[[Decimal], str],
) -> Chart:
    """At each place what was left at its end, by the ledger; the last one is what the store says now."""
    rest, bars = limit, []
    for place in places:
        rest -= spent.get(place, Decimal(0))
        value = left if place == places[-1] else max(rest, Decimal(0))
        label = f"{place}:00 to {place + 1}:00 UTC" if slots == HOURS else f"day {place}"
        bars.append(
            Bar(place - places[0], label, f"{word(value)} left", float(100 * value / limit) if limit else 0.0)
        )
    return Chart(title, bars, slots, f"{word(left)} of {word(limit)} left")


def _count(number: Decimal) -> str:
    return f"{int(number):,}"


def _is_of(day: datetime, now: datetime) -> bool:
    return (day.year, day.month) == (now.year, now.month)
