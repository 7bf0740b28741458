"""Budgets: the worst case is reserved before a call, and the actual cost is settled after it.

Every cap is a scope with one row: call, attempt, task, batch, day, month. A reservation is made in all scopes
in one transaction, or in none. *spent + reserved <= cap* holds at all times; `budget_invariant.sql` checks it
over the whole history. A call of unknown cost is charged what was reserved.
"""

import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import NamedTuple

from sqlalchemy import Connection, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from nightcrew.errors import BudgetReached
from nightcrew.host.process_id import this_process
from nightcrew.openrouter.books.budget_tables import budgets
from nightcrew.openrouter.books.round_trip import in_one_trip
from nightcrew.queue.state_store import StateStore

log = logging.getLogger(__name__)

# After this time, longer than any call can last, a reservation's process is assumed dead.
RESERVATION_LIFETIME = timedelta(minutes=30)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Budgets:
    """The caps on one attempt's calls, in USD; None: no cap of that kind."""

    call_usd: Decimal | None = None
    attempt_usd: Decimal | None = None
    task_usd: Decimal | None = None
    batch: str | None = None  # name of the task's batch
    batch_usd: Decimal | None = None
    day_usd: Decimal | None = None
    month_usd: Decimal | None = None
    calls: int | None = None  # of the attempt, failed ones included
    unknown_price_usd: Decimal | None = None  # per token, for models without a published price; None: refused


class DoesNotFit(BudgetReached):
    """A scope has less left than the reservation needs."""

    def __init__(self, message: str, *, scope: str, left_usd: Decimal) -> None:
        super().__init__(message)
        self.scope = scope
        self.left_usd = left_usd


def scopes_of(caps: Budgets, *, task_id: str, attempt_id: str, now: datetime) -> dict[str, Decimal]:
    """The scopes of this attempt's calls, with their caps (the cap of a single call is not a scope)."""
    named = {
        f"attempt:{attempt_id}": caps.attempt_usd,
        f"task:{task_id}": caps.task_usd,
        f"batch:{caps.batch}": caps.batch_usd if caps.batch else None,
        f"day:{now:%Y-%m-%d}": caps.day_usd,
        f"month:{now:%Y-%m}": caps.month_usd,
    }
    return {scope: cap for scope, cap in sorted(named.items()) if cap is not None}


def reserve(
    connection: Connection,
    scopes: Mapping[str, Decimal],
    amount_usd: Decimal,
    *,
    reservation_id: str,
    now: datetime,
    attempt_id: str = "",
    model: str = "",
) -> None:
    """Reserve `amount_usd` in every scope for a call of this process.

    Raises:
        DoesNotFit: one of them has less left; nothing is reserved in any.
    """
    rows = _lock(connection, scopes)
    for scope, cap in scopes.items():
        left_usd = cap - rows[scope].taken
        if amount_usd > left_usd:
            message = f"the {_words(scope)} has {_usd(left_usd)} left of {_usd(cap)}, not {_usd(amount_usd)}"
            raise DoesNotFit(message, scope=scope, left_usd=left_usd)
    for scope, cap in scopes.items():
        if rows[scope].cap_usd != cap:
            connection.execute(update(budgets).where(budgets.c.scope == scope).values(cap_usd=cap))
    values = _values(list(scopes), reservation_id, reserved=amount_usd, spent=_ZERO, now=now)
    connection.exec_driver_sql(
        _RESERVE, {**values, **caller_of(attempt_id, model), "expires_at": now + RESERVATION_LIFETIME}
    )


def caller_of(attempt_id: str, model: str) -> dict[str, object]:
    """What a reservation tells of its call: attempt, model, and this process."""
    here = this_process()
    return {
        "attempt_id": attempt_id,
        "call_model": model,
        "host": socket.gethostname(),
        "pid": here.pid,
        "pid_started": here.started,
    }


def settle(store: StateStore, reservation_id: str, *, cost_usd: Decimal | None, now: datetime) -> Decimal:
    """Replace a reservation by the actual cost and return it; None charges the reserved amount.

    A repeated call changes nothing and returns 0.
    """
    values = {"reservation_id": reservation_id, "cost_usd": cost_usd, "now": now}
    row = in_one_trip(store, [_LOCK_RESERVED, _SETTLE], values)
    if row is None:
        return _ZERO
    reserved, spent, _ = row
    if spent > reserved:
        log.error("a call cost %s although %s was its worst case", _usd(spent), _usd(reserved))
    return Decimal(spent)


def charge(
    connection: Connection,
    scopes: Mapping[str, Decimal],
    cost_usd: Decimal,
    *,
    reservation_id: str,
    now: datetime,
) -> None:
    """Record money spent without a reservation; only this can exceed a cap."""
    _lock(connection, scopes)
    values = _values(list(scopes), reservation_id, reserved=_ZERO, spent=cost_usd, now=now)
    connection.exec_driver_sql(_MOVE, values)


def left_usd(connection: Connection, scopes: Mapping[str, Decimal]) -> Decimal:
    """The most that can still be reserved in all `scopes`; infinite without scopes."""
    rows = connection.execute(select(budgets).where(budgets.c.scope.in_(list(scopes)))).all()
    taken = {row.scope: row.spent_usd + row.reserved_usd for row in rows}
    return min((cap - taken.get(scope, _ZERO) for scope, cap in scopes.items()), default=Decimal("Infinity"))


def violations(connection: Connection) -> Sequence[Mapping[str, object]]:
    """Every time at which a scope exceeded its cap; must be empty."""
    query = files(__package__).joinpath("budget_invariant.sql").read_text()
    return [dict(row) for row in connection.execute(text(query)).mappings()]


# ----------------------------------------------------------------------------------------------------


# Locks all rows or none: holding some while creating others could deadlock with a process doing the same.
LOCK_SCOPES = """
select scope, cap_usd, spent_usd, reserved_usd from budgets
where
    scope = any(%(scopes)s::text[])
    and (select count(*) from budgets where scope = any(%(scopes)s::text[])) = cardinality(%(scopes)s::text[])
order by scope for update"""
# Change locked rows and append that to their history.
_MOVED = """
with moved as (
    update budgets
    set reserved_usd = reserved_usd + %(reserved_usd)s, spent_usd = spent_usd + %(spent_usd)s
    where scope = any(%(scopes)s::text[])
    returning scope, cap_usd
)"""
_ENTERED = """
insert into budget_entries (at, scope, reservation_id, reserved_usd, spent_usd, cap_usd)
select %(now)s, scope, %(reservation_id)s, %(reserved_usd)s, %(spent_usd)s, cap_usd from moved"""
_RESERVED = """,
reservation as (
    insert into budget_reservations
    (reservation_id, scopes, amount_usd, expires_at, attempt_id, model, host, pid, pid_started)
    values (
        %(reservation_id)s, %(scopes)s::text[], %(reserved_usd)s, %(expires_at)s,
        %(attempt_id)s, %(call_model)s, %(host)s, %(pid)s, %(pid_started)s
    )
)"""
_MOVE, _RESERVE = _MOVED + _ENTERED, _MOVED + _RESERVED + _ENTERED
_LOCK_RESERVED = """
select from budgets
where scope = any(select unnest(scopes) from budget_reservations where reservation_id = %(reservation_id)s)
order by scope for update"""
_SETTLE = """
with gone as (
    delete from budget_reservations where reservation_id = %(reservation_id)s
    returning scopes, amount_usd, coalesce(%(cost_usd)s::numeric, amount_usd) as cost_usd
),
moved as (
    update budgets as b
    set reserved_usd = b.reserved_usd - gone.amount_usd, spent_usd = b.spent_usd + gone.cost_usd
    from gone where b.scope = any(gone.scopes)
    returning b.scope, b.cap_usd
),
entered as (
    insert into budget_entries (at, scope, reservation_id, reserved_usd, spent_usd, cap_usd)
    select %(now)s, moved.scope, %(reservation_id)s, -gone.amount_usd, gone.cost_usd, moved.cap_usd
    from moved, gone
)
select amount_usd, cost_usd, set_config('synchronous_commit', 'off', true) from gone"""


def _values(
    scopes: Sequence[str], reservation_id: str, *, reserved: Decimal, spent: Decimal, now: datetime
) -> dict[str, object]:
    return {
        "scopes": list(scopes),
        "reservation_id": reservation_id,
        "reserved_usd": reserved,
        "spent_usd": spent,
        "now": now,
    }


class _Held(NamedTuple):
    cap_usd: Decimal
    taken: Decimal


def _lock(connection: Connection, scopes: Mapping[str, Decimal]) -> dict[str, _Held]:
    """The amount taken of each scope; locks the rows, in the order of their names, until the commit."""
    if not scopes:
        return {}
    names = {"scopes": list(scopes)}
    rows = connection.exec_driver_sql(LOCK_SCOPES, names).all()
    if not rows:
        caps = [{"scope": scope, "cap_usd": cap} for scope, cap in sorted(scopes.items())]
        connection.execute(upsert(budgets).on_conflict_do_nothing(), caps)
        rows = connection.exec_driver_sql(LOCK_SCOPES, names).all()
    return {row.scope: _Held(row.cap_usd, row.spent_usd + row.reserved_usd) for row in rows}


def _words(scope: str) -> str:
    kind, _, name = scope.partition(":")
    return f"budget of {kind} {name}"


def _usd(amount: Decimal) -> str:
    return f"{amount.normalize():f} USD"
