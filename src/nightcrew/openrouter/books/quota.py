"""The account's quota of free calls, per minute and per UTC day, shared by all processes and hosts.

A call takes its place in both windows before it is sent, in the transaction that finds it free. The limits
come from the settings until the provider reports others. Failed calls count too, because the provider counts
them.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Column, Connection, DateTime, Index, Row, Table, Text, delete, func, insert, select
from sqlalchemy import update as sql_update

from nightcrew.openrouter.books.account import accounts, check_running, lock_account
from nightcrew.openrouter.wire.records import KeyInfo
from nightcrew.openrouter.wire.replies import Trouble
from nightcrew.queue.state_store import metadata

log = logging.getLogger(__name__)

_SECOND = timedelta(seconds=1)
# A later reset time is considered wrong.
LONGEST_REST = timedelta(hours=25)
FREE_TIER_A_DAY, PAID_TIER_A_DAY = 50, 1000

quota_calls = Table(
    "quota_calls",
    metadata,
    Column("call_key", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("model", Text, nullable=False),
    Index("quota_calls_by_time", "account", "at"),
)


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """The limits that apply until the provider reports others."""

    per_minute: int = 20
    per_day: int = 50
    arrival_seconds: float = 1.0  # from taking a place here to being counted by the provider

    @property
    def minute(self) -> timedelta:
        """The length of the minute window here, which includes the arrival time."""
        return timedelta(seconds=60 + self.arrival_seconds)


@dataclass(frozen=True, slots=True)
class QuotaWait:
    """No call to a free model before `until`."""

    until: datetime
    fault: str  # quota_minute or quota_day
    reason: str


@dataclass(frozen=True, slots=True)
class QuotaLeft:
    """The calls left in both windows."""

    minute: int
    day: int
    resets_at: datetime  # of the day
    wait: QuotaWait | None
    a_day: int = 0  # calls allowed per day


def lease(
    connection: Connection, account: str, limits: QuotaLimits, *, call_key: str, model: str, now: datetime
) -> QuotaWait | None:
    """Take a place in both windows; None if taken, else when to ask again. The account stays locked.

    Raises:
        AccountStopped: the whole crew is stopped.
    """
    row = lock_account(connection, account, for_update=True)
    check_running(row)
    used = _used_today(row, now)
    wait = _rest(row, now) or _day_wait(row, limits, used, now) or _minute_wait(connection, row, limits, now)
    if wait is not None:
        return wait
    place = insert(quota_calls).values(call_key=call_key, account=account, at=now, model=model)
    count = sql_update(accounts).where(accounts.c.account == account)
    connection.execute(count.values(day=_today(now), day_used=used + 1).add_cte(place.cte("place")))
    if used % 100 == 0:
        _forget_old(connection, account, now)
    return None


def release(connection: Connection, account: str, call_key: str) -> None:
    """Return a place, because the call was never sent."""
    lock_account(connection, account, for_update=True)
    given_back = connection.execute(delete(quota_calls).where(quota_calls.c.call_key == call_key))
    if given_back.rowcount:
        connection.execute(
            sql_update(accounts)
            .where(accounts.c.account == account)
            .values(day_used=func.greatest(accounts.c.day_used - 1, 0))
        )


def learn_from_refusal(
    connection: Connection, account: str, limits: QuotaLimits, *, fault: str, trouble: Trouble, now: datetime
) -> datetime:
    """Learn the limit from the platform's own 429; returns until when all free models are unavailable."""
    row = lock_account(connection, account, for_update=True)
    values: dict[str, object] = {"resting_fault": fault}
    if fault == "quota_day":
        per_day = trouble.limit or row.per_day or limits.per_day
        until = trouble.reset_at or _next_day(now)
        used = max(_used_today(row, now), per_day)
        values |= {"per_day": per_day, "day": _today(now), "day_used": used}
    else:
        until = trouble.reset_at or now + timedelta(seconds=trouble.retry_after_seconds or 60)
        if trouble.limit is not None:
            values["per_minute"] = trouble.limit
    until = min(max(until, now + _SECOND), now + LONGEST_REST)
    connection.execute(
        sql_update(accounts).where(accounts.c.account == account).values(resting_until=until, **values)
    )
    log.warning(
        "all free models are unavailable until %s: %s", until.isoformat(timespec="seconds"), trouble.message
    )
    return until


def learn_from_key(connection: Connection, account: str, info: KeyInfo, *, now: datetime) -> None:
    """Learn the day's limit from `/key`, and what other users of the account have used of it."""
    row = lock_account(connection, account, for_update=True)
    limit = info.free_limit_a_day
    if limit is None and info.is_free_tier is not None:
        limit = FREE_TIER_A_DAY if info.is_free_tier else PAID_TIER_A_DAY
    used = max(_used_today(row, now), info.free_used_today or 0)
    connection.execute(
        sql_update(accounts)
        .where(accounts.c.account == account)
        .values(per_day=limit or row.per_day, day=_today(now), day_used=used)
    )


def left(connection: Connection, account: str, limits: QuotaLimits, *, now: datetime) -> QuotaLeft:
    """The calls left now; takes none."""
    row = lock_account(connection, account, for_update=False)
    used = _used_today(row, now)
    wait = _rest(row, now) or _day_wait(row, limits, used, now) or _minute_wait(connection, row, limits, now)
    a_day = row.per_day or limits.per_day
    day = max(0, a_day - used)
    if wait is not None and wait.fault == "quota_day":
        day = 0
    used_now = _in_last_minute(connection, account, now - limits.minute)
    minute = max(0, (row.per_minute or limits.per_minute) - used_now)
    return QuotaLeft(min(minute, day), day, _next_day(now), wait, a_day)


# ----------------------------------------------------------------------------------------------------


def _today(now: datetime) -> object:
    return now.astimezone(UTC).date()


def _next_day(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time.min, UTC)


def _used_today(row: Row[tuple[object, ...]], now: datetime) -> int:
    return int(row.day_used) if row.day == _today(now) else 0


def _rest(row: Row[tuple[object, ...]], now: datetime) -> QuotaWait | None:
    if row.resting_until is None or row.resting_until <= now:
        return None
    return QuotaWait(
        row.resting_until, row.resting_fault, "the provider reports that the free quota is used up"
    )


def _day_wait(
    row: Row[tuple[object, ...]], limits: QuotaLimits, used: int, now: datetime
) -> QuotaWait | None:
    per_day = row.per_day or limits.per_day
    if used < per_day:
        return None
    return QuotaWait(_next_day(now), "quota_day", f"all {per_day} free calls of this UTC day are used")


def _minute_wait(
    connection: Connection, row: Row[tuple[object, ...]], limits: QuotaLimits, now: datetime
) -> QuotaWait | None:
    """The wait until the oldest of the last `per_minute` calls leaves the window."""
    per_minute = row.per_minute or limits.per_minute
    oldest = connection.execute(
        select(quota_calls.c.at)
        .where(quota_calls.c.account == row.account, quota_calls.c.at > now - limits.minute)
        .order_by(quota_calls.c.at.desc())
        .offset(per_minute - 1)
        .limit(1)
    ).scalar()
    if oldest is None:
        return None
    return QuotaWait(oldest + limits.minute, "quota_minute", f"{per_minute} free calls in this minute")


def _in_last_minute(connection: Connection, account: str, since: datetime) -> int:
    query = select(func.count()).where(quota_calls.c.account == account, quota_calls.c.at > since)
    return int(connection.execute(query).scalar_one())


def _forget_old(connection: Connection, account: str, now: datetime) -> None:
    connection.execute(
        delete(quota_calls).where(
            quota_calls.c.account == account, quota_calls.c.at < now - timedelta(hours=1)
        )
    )
