"""The account shared by all clients of a twin: free calls per minute and day, and money.

Windows are the clock's minutes and UTC days. Only admitted calls count, including those that the provider
then fails.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from nightcrew.testing.scenario import Account
from nightcrew.testing.wire import Reply, error_body

PAID_UP_USD = 10
PER_DAY = 50
PER_DAY_PAID_UP = 1000


class AccountState:
    """The counters of one account; not thread-safe, its user holds a lock."""

    def __init__(self, account: Account, now: datetime) -> None:
        self.account = account
        self.spent_usd = Decimal(str(account.spent_usd))
        self._minute, self._in_minute = _minute(now), 0
        self._day, self._in_day = _day(now), account.free_used_today

    @property
    def balance_usd(self) -> Decimal:
        """Credits bought minus spent; if negative, even free models are refused."""
        return Decimal(str(self.account.credits_usd)) - self.spent_usd

    @property
    def per_day(self) -> int:
        """The free calls allowed per day."""
        if self.account.free_per_day is not None:
            return self.account.free_per_day
        return PER_DAY_PAID_UP if self.account.credits_usd >= PAID_UP_USD else PER_DAY

    def used_today(self, now: datetime) -> int:
        """The free calls admitted since midnight UTC."""
        self._roll(now)
        return self._in_day

    def take_free_call(self, now: datetime) -> Reply | None:
        """Count one free call, or the 429 that refuses it."""
        self._roll(now)
        if self._in_day >= self.per_day:
            return self.day_spent(now)
        if self._in_minute >= self.account.free_per_minute:
            return self.minute_spent(now)
        self._in_minute += 1
        self._in_day += 1
        return None

    def minute_spent(self, now: datetime) -> Reply:
        """The account's 429 for the minute."""
        reset = _minute(now) + timedelta(minutes=1)
        return self._refuse("free-models-per-min. ", self.account.free_per_minute, reset)

    def day_spent(self, now: datetime) -> Reply:
        """The account's 429 for the day."""
        reset = _day(now) + timedelta(days=1)
        hint = "free-models-per-day"
        if self.per_day < PER_DAY_PAID_UP:
            hint += ". Add 10 credits to unlock 1000 free model requests per day"
        return self._refuse(hint, self.per_day, reset)

    def key_record(self, now: datetime) -> dict[str, Any]:
        """The answer of `GET /key`."""
        spent = float(self.spent_usd)
        data: dict[str, Any] = {
            "label": "nightcrew-twin",
            "limit": None,
            "limit_remaining": None,
            "limit_reset": None,
            "include_byok_in_limit": False,
            "usage": spent,
            "usage_daily": spent,
            "usage_weekly": spent,
            "usage_monthly": spent,
            "byok_usage": 0,
            "is_free_tier": self.account.credits_usd <= 0,
            "is_management_key": False,
            "expires_at": None,
            "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
        }
        if self.account.key_shows_free_requests:
            used = self.used_today(now)
            left = max(0, self.per_day - used)
            data["free_model_daily_requests"] = {"limit": self.per_day, "used": used, "remaining": left}
        return {"data": data}

    def _roll(self, now: datetime) -> None:
        if _minute(now) != self._minute:
            self._minute, self._in_minute = _minute(now), 0
        if _day(now) != self._day:
            self._day, self._in_day = _day(now), 0

    def _refuse(self, window: str, limit: int, reset: datetime) -> Reply:
        scale = 1000 if self.account.reset_unit == "ms" else 1
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(reset.timestamp()) * scale),
        }
        metadata = {"headers": headers, "error_type": "rate_limit_exceeded"}
        body = error_body(429, f"Rate limit exceeded: {window}", metadata)
        if self.account.limits_in_200:
            return Reply(200, body)
        return Reply(429, body, headers)


# --------------------------------------------------------------------------------------------------------


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
