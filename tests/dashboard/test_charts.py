"""The charts: each bar at its place, and what is left of budgets and free calls hour by hour."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from nightcrew.dashboard.charts import burn_down, daily
from nightcrew.dashboard.figures import DAYS, Figures
from nightcrew.dashboard.present import Present, read_present
from nightcrew.queue.state_store import StateStore
from nightcrew.settings import Settings

NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
HOURS: list[dict[str, object]] = [
    {"hour": 0, "cost_usd": Decimal("4"), "free_calls": 10},
    {"hour": 2, "cost_usd": None, "free_calls": 5},
]
DAY: dict[str, object] = {"calls": 3, "month_to_date_usd": Decimal(0), "month_forecast_usd": Decimal(0)}
MONTH: list[dict[str, object]] = [
    {**DAY, "day": date(2026, 10, 31), "cost_usd": Decimal("90")},
    {**DAY, "day": date(2026, 11, 2), "cost_usd": Decimal("25")},
    {**DAY, "day": date(2026, 11, 23), "cost_usd": Decimal("4")},
]


@pytest.fixture
def figures(night_figures: Figures) -> Figures:
    return replace(night_figures, taken_at=NOW, hours=HOURS, days=MONTH)


@pytest.fixture
def present(store: StateStore, tmp_path: Path) -> Present:
    """Budgets of 10 and 100 USD, 50 free calls a day; the store says what is left now."""
    settings = Settings(home=tmp_path, day_budget_usd=Decimal(10), month_budget_usd=Decimal(100))
    now = read_present(store, settings)
    left = {"day": Decimal("5.5"), "month": Decimal("70")}
    return replace(now, budget_left_usd=left, quota=replace(now.quota, day=35, a_day=50))


def test_money_and_calls_are_used_up_hour_by_hour(figures: Figures, present: Present) -> None:
    day, calls, month = burn_down(figures, present)
    assert [(bar.place, round(bar.height), bar.value) for bar in day.bars] == [
        (0, 60, "$6.00 left"),
        (1, 60, "$6.00 left"),
        (2, 55, "$5.50 left"),
    ], "the last is what the store says, which knows reservations too"
    assert day.words == "$5.50 of $10.00 left"
    assert [round(bar.height) for bar in calls.bars] == [80, 80, 70]
    heights = [round(bar.height) for bar in month.bars]
    assert heights == [100] + [75] * 21 + [70], "October is over"


def test_a_budget_of_nothing_has_nothing_left(figures: Figures, present: Present) -> None:
    nothing = {"day": Decimal(0), "month": Decimal(0)}
    broke = replace(present, budget_usd=nothing, budget_left_usd=nothing)
    assert {bar.height for bar in burn_down(figures, broke)[0].bars} == {0.0}


def test_the_last_day_stands_at_the_right_end(figures: Figures) -> None:
    cost, calls = daily(figures)
    assert [bar.place for bar in cost.bars] == [DAYS - 3, DAYS - 2, DAYS - 1]
    assert [round(bar.height) for bar in cost.bars] == [100, 28, 4]
    assert cost.words == "from 2026-10-31 to 2026-11-23: $4.00, at most $90.00 a day"
    assert not daily(replace(figures, days=[]))[0].bars
    assert calls.empty.startswith("No call is recorded yet")
