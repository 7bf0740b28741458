"""The fast path of admission: one round trip takes everything a call needs, if there is no obstacle.

Everything is taken or nothing. `admission.py` handles obstacles and rare cases, such as a first call or an
open breaker, in a transaction of several steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from nightcrew.openrouter.books.breakers import Resting, model_key
from nightcrew.openrouter.books.budget import LOCK_SCOPES, RESERVATION_LIFETIME, caller_of
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.openrouter.books.round_trip import in_one_trip
from nightcrew.queue.state_store import StateStore


@dataclass(frozen=True, slots=True)
class Taken:
    """The call is admitted; `breakers` are those of its model and of all providers."""

    breakers: Mapping[str, Resting | None]


def take_place(
    store: StateStore, account: str, limits: QuotaLimits, *, call_key: str, model: str, now: datetime
) -> Taken | None:
    """Take a place in both windows of free calls; None if there is an obstacle, and nothing is taken."""
    values = {
        "account": account,
        "model_key": model_key(model),
        "call_key": call_key,
        "model": model,
        "now": now,
        "today": now.astimezone(UTC).date(),
        "since": now - limits.minute,
        "per_minute": limits.per_minute,
        "per_day": limits.per_day,
    }
    return _taken(in_one_trip(store, [_LOCK_ACCOUNT, _TAKE_PLACE], values))


def set_aside(
    store: StateStore,
    account: str,
    scopes: Mapping[str, Decimal],
    amount_usd: Decimal,
    *,
    call_key: str,
    model: str,
    now: datetime,
    attempt_id: str = "",
) -> Taken | None:
    """Reserve `amount_usd` in every scope, durably; None if there is an obstacle, and nothing is reserved."""
    values = {
        "account": account,
        "model_key": model_key(model),
        "call_key": call_key,
        "scopes": list(scopes),
        "caps": list(scopes.values()),
        "amount_usd": amount_usd,
        "now": now,
        "expires_at": now + RESERVATION_LIFETIME,
        **caller_of(attempt_id, model),
    }
    return _taken(in_one_trip(store, [LOCK_SCOPES, _SET_ASIDE], values, durable=amount_usd > 0))


# ----------------------------------------------------------------------------------------------------

_KNOWN = """
known as (
    select key, cooldown_until, reason from breakers
    where account = %(account)s and (key = %(model_key)s or starts_with(key, 'provider:'))
),
at_rest as (select from known where key = %(model_key)s and cooldown_until is not null)"""
_ANSWER = """
select
    exists (select from clear),
    (select json_agg(known) from known),
    set_config('synchronous_commit', 'off', true)"""

_LOCK_ACCOUNT = "select from accounts where account = %(account)s for update"
# Every hundredth call of a day takes the slow path, which deletes old rows.
_TAKE_PLACE = f"""
with account as (
    select *, case when day = %(today)s then day_used else 0 end as used
    from accounts where account = %(account)s
),{_KNOWN},
clear as (
    select used from account
    where
        stopped_at is null
        and (resting_until is null or resting_until <= %(now)s)
        and used < coalesce(per_day, %(per_day)s)
        and used %% 100 <> 0
        and not exists (
            select from quota_calls
            where account = %(account)s and at > %(since)s
            order by at desc
            offset coalesce(per_minute, %(per_minute)s) - 1 limit 1
        )
        and not exists (select from at_rest)
),
place as (
    insert into quota_calls (call_key, account, at, model)
    select %(call_key)s, %(account)s, %(now)s, %(model)s from clear
),
counted as (
    update accounts set day = %(today)s, day_used = clear.used + 1
    from clear where accounts.account = %(account)s
){_ANSWER}"""  # noqa: S608  (constants)
_SET_ASIDE = f"""
with wanted as (
    select * from unnest(%(scopes)s::text[], %(caps)s::numeric[]) as w (scope, cap_usd)
),{_KNOWN},
held as (
    select scope, cap_usd, spent_usd + reserved_usd as taken_usd from budgets
    where scope = any(%(scopes)s::text[]) order by scope for update
),
clear as (
    select from accounts
    where
        account = %(account)s
        and stopped_at is null
        and not exists (select from at_rest)
        and cardinality(%(scopes)s::text[]) = (
            select count(*) from held join wanted using (scope, cap_usd)
            where taken_usd + %(amount_usd)s <= cap_usd
        )
),
moved as (
    update budgets as b set reserved_usd = b.reserved_usd + %(amount_usd)s
    from held, clear where b.scope = held.scope and %(amount_usd)s > 0
    returning b.scope, b.cap_usd
),
entered as (
    insert into budget_entries (at, scope, reservation_id, reserved_usd, spent_usd, cap_usd)
    select %(now)s, scope, %(call_key)s, %(amount_usd)s, 0, cap_usd from moved
),
reservation as (
    insert into budget_reservations
    (reservation_id, scopes, amount_usd, expires_at, attempt_id, model, host, pid, pid_started)
    select
        %(call_key)s, %(scopes)s::text[], %(amount_usd)s, %(expires_at)s,
        %(attempt_id)s, %(call_model)s, %(host)s, %(pid)s, %(pid_started)s
    from clear
    where %(amount_usd)s > 0
){_ANSWER}"""  # noqa: S608  (constants)


def _taken(row: Sequence[Any] | None) -> Taken | None:
    assert row is not None
    taken, known, _ = row
    return Taken({each["key"]: _resting(each) for each in known or ()}) if taken else None


def _resting(row: Mapping[str, Any]) -> Resting | None:
    until = row["cooldown_until"]
    return None if until is None else Resting(row["key"], datetime.fromisoformat(until), row["reason"])
