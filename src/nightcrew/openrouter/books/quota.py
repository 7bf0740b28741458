"""The account's quota of calls to free models: per minute and per UTC day, for all processes and hosts.

A call takes its place in both windows in the transaction that finds it free, before it is sent. The numbers
are data: settings until the provider teaches otherwise. Failed calls count too, as the provider counts them.
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
# A reset further away than this is not believed.
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
    """What holds until the provider teaches otherwise."""

    per_minute: int = 20
    per_day: int = 50
    arrival_seconds: float = 1.0  # until a call that took its place here is counted there

    @property
    def minute(self) -> timedelta:
        """The window of a minute, as it has to be kept here."""
        return timedelta(seconds=60 + self.arrival_seconds)


@dataclass(frozen=True, slots=True)
class QuotaWait:
    """No call to a free model before `until`."""

    until: datetime
    fault: str  # quota_minute or quota_day
    reason: str


@dataclass(frozen=True, slots=True)
class QuotaLeft:
    """What is left of both windows."""

    minute: int
    day: int
    resets_at: datetime  # of the day
    wait: QuotaWait | None
    a_day: int = 0  # what a whole day allows


def lease(
    connection: Connection, account: str, limits: QuotaLimits, *, call_key: str, model: str, now: datetime
) -> QuotaWait | None:
    """Takes a place in both windows; None if taken, else when to ask again. The account stays locked.

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
    """Gives a place back: the call was never sent."""
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
    """The platform's own 429: learns the limit and rests all free models until the time it returns."""
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
    log.warning("all free models rest until %s: %s", until.isoformat(timespec="seconds"), trouble.message)
    return until


def learn_from_key(connection: Connection, account: str, info: KeyInfo, *, now: datetime) -> None:
    """What `/key` says: the day's limit, and what others on this account have used of it."""
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
    """What is left right now; takes nothing."""
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
    return QuotaWait(row.resting_until, row.resting_fault, "the provider said the free quota is used up")


def _day_wait(
    row: Row[tuple[object, ...]], limits: QuotaLimits, used: int, now: datetime
) -> QuotaWait | None:
    per_day = row.per_day or limits.per_day
    if used < per_day:
        return None
    return QuotaWait(_next_day(now), "quota_day", f"all {per_day} free calls of this UTC day are made")


def _minute_wait(
    connection: Connection, row: Row[tuple[object, ...]], limits: QuotaLimits, now: datetime
) -> QuotaWait | None:
    """Free again when the oldest of the last `per_minute` calls leaves the window."""
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
