from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from nightcrew.testing import Account, Change, Fault, FaultKind, Price, ScriptedModel, Twin, TwinClock
from tests.testing.support import FREE, PAID, body, chat, scenario

START = datetime(2026, 11, 23, 23, 58, 30, tzinfo=UTC)
NEXT_MINUTE = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


def _twin(*faults: Fault, **account: Any) -> Twin:
    models = (
        ScriptedModel(id=FREE),
        ScriptedModel(id="twin/other:free"),
        ScriptedModel(id=PAID, price=Price(prompt="0.01", completion="0.01")),
    )
    return Twin(scenario(*faults, models=models, account=Account(**account)), clock=TwinClock(START))


def _statuses(twin: Twin, count: int, model: str = FREE) -> list[int]:
    return [chat(twin, body(model)).status_code for _ in range(count)]


def test_twenty_a_minute_over_all_free_models() -> None:
    with _twin() as twin:
        assert _statuses(twin, 12) + _statuses(twin, 8, "twin/other:free") == [200] * 20
        refused = chat(twin, body("twin/other:free"))
        assert chat(twin, body(PAID)).status_code == 200
        twin.change(Change(advance_seconds=30))
        assert _statuses(twin, 1) == [200]
    assert refused.status_code == 429
    assert "free-models-per-min" in refused.json()["error"]["message"]
    assert refused.headers["x-ratelimit-limit"] == "20"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert int(refused.headers["x-ratelimit-reset"]) == NEXT_MINUTE.timestamp() * 1000
    assert refused.json()["error"]["metadata"]["headers"]["X-RateLimit-Limit"] == "20"


@pytest.mark.parametrize(("credits_usd", "per_day"), [(0, 50), (9.99, 50), (10, 1000), (500, 1000)])
def test_calls_a_day_follow_from_the_credits_ever_bought(credits_usd: float, per_day: int) -> None:
    with _twin(credits_usd=credits_usd, free_used_today=per_day - 1) as twin:
        assert _statuses(twin, 2) == [200, 429]
        refused = chat(twin, body())
        left = httpx.get(f"{twin.base_url}/key").json()["data"]["free_model_daily_requests"]
        twin.change(Change(advance_seconds=90))
        assert _statuses(twin, 1) == [200]
        fresh = httpx.get(f"{twin.base_url}/key").json()["data"]["free_model_daily_requests"]
    assert left == {"limit": per_day, "used": per_day, "remaining": 0}
    assert fresh == {"limit": per_day, "used": 1, "remaining": per_day - 1}
    assert "free-models-per-day" in refused.json()["error"]["message"]
    assert int(refused.headers["x-ratelimit-reset"]) == MIDNIGHT.timestamp() * 1000


def test_reset_in_seconds() -> None:
    with _twin(free_per_minute=0, reset_unit="s") as twin:
        assert int(chat(twin, body()).headers["x-ratelimit-reset"]) == NEXT_MINUTE.timestamp()


def test_limit_that_comes_with_http_200() -> None:
    with _twin(free_per_day=0, limits_in_200=True) as twin:
        response = chat(twin, body())
    assert response.status_code == 200
    error = response.json()["error"]
    assert error["code"] == 429
    assert error["metadata"]["headers"]["X-RateLimit-Reset"] == str(int(MIDNIGHT.timestamp() * 1000))
    assert "x-ratelimit-reset" not in response.headers


def test_calls_that_the_provider_fails_are_counted_and_refused_ones_are_not() -> None:
    with _twin(Fault(kind=FaultKind.BAD_GATEWAY), free_per_day=2, credits_usd=20) as twin:
        assert _statuses(twin, 4) == [502, 502, 429, 429]
        assert httpx.get(f"{twin.base_url}/key").json()["data"]["free_model_daily_requests"]["used"] == 2


@pytest.mark.parametrize(
    ("spent", "free", "paid"),
    [(4.99, 200, 200), (5.0, 200, 402), (5.01, 402, 402)],
    ids=["in", "even", "below"],
)
def test_balance_below_zero_shuts_even_the_free_models(spent: float, free: int, paid: int) -> None:
    with _twin(credits_usd=5.0, spent_usd=spent) as twin:
        assert _statuses(twin, 1) == [free]
        assert _statuses(twin, 1, PAID) == [paid]


def test_paid_calls_use_up_the_balance() -> None:
    with _twin(credits_usd=0.5) as twin:
        assert _statuses(twin, 2, PAID) == [200, 402]
        assert _statuses(twin, 1) == [402]


def test_calls_may_cost_other_than_the_catalogue_says() -> None:
    costly = ScriptedModel(id=PAID, price=Price(prompt="0.01"), charged=Price(request="0.25"))
    with Twin(scenario(models=(costly,))) as twin:
        assert chat(twin, body(PAID)).json()["usage"]["cost"] == 0.25


def test_key_without_the_counter() -> None:
    with _twin(key_shows_free_requests=False, credits_usd=0) as twin:
        data = httpx.get(f"{twin.base_url}/key").json()["data"]
    assert "free_model_daily_requests" not in data
    assert data["is_free_tier"] is True
