"""Calls whose process was killed or whose host was lost: each is settled with the provider's record of it.

The provider names a call in the head of its answer, and that name is stored beside the reservation at once.
What it has no record of is charged in full, so that no budget is exceeded. Of a process on another host only
its lease tells: its call is settled here when its task is no longer its own, or when no call lasts that long.
"""

import logging
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, not_, or_, select

from nightcrew.execution.attempt import ModelCall, RecordCall
from nightcrew.host.process_id import ProcessId
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.budget import RESERVATION_LIFETIME, settle
from nightcrew.openrouter.books.budget_tables import budget_reservations
from nightcrew.openrouter.books.round_trip import in_one_trip
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import tasks
from nightcrew.task import TaskStatus

log = logging.getLogger(__name__)

LONGEST_UNKNOWN = timedelta(minutes=4)  # from the call on, until the provider has to know its cost
ORPHANED = "abandoned"  # the fault in the record of such a call


def note_generation(store: StateStore, reservation_id: str, generation_id: str) -> None:
    """Store the provider's name of a call that has begun to answer."""
    values = {"reservation_id": reservation_id, "generation_id": generation_id}
    in_one_trip(store, [_NAME], values)


def settle_orphans(
    store: StateStore, api: OpenRouterApi, record: RecordCall, *, now: datetime
) -> Sequence[ModelCall]:
    """Settle the calls of dead processes, here and on lost hosts; returns what was recorded in the ledger.

    A call that the provider does not know yet waits for a next time, at most `LONGEST_UNKNOWN`. Each is
    recorded first: of two records of a call the ledger counts one, and what is settled is not found again.
    """
    with store.engine.connect() as connection:
        rows = connection.execute(select(budget_reservations).where(_may_be_dead(now))).all()
    dead = [row for row in rows if not _lives_here(row)]
    settled = (_settled(store, api, record, row, now) for row in dead)
    return [call for call in settled if call is not None]


# ---------------------------------------------------------------------------------------------------------

# The answer waits for this statement. Its commit need not wait for the disk: a killed process, for which the
# name is kept, loses no commit, and after a power failure the call is charged in full.
_NAME = """
with named as (
    update budget_reservations set generation_id = %(generation_id)s where reservation_id = %(reservation_id)s
)
select set_config('synchronous_commit', 'off', true)"""


def _may_be_dead(now: datetime) -> ColumnElement[bool]:
    """Reservations of this host, of processes elsewhere that have lost their task, and overdue ones."""
    ours = budget_reservations.c
    task_id = func.regexp_replace(ours.attempt_id, ":[^:]*$", "")
    at_work = and_(tasks.c.status == TaskStatus.RUNNING, tasks.c.host == ours.host, tasks.c.pid == ours.pid)
    is_known = exists().where(tasks.c.task_id == task_id)
    has_its_task = exists().where(tasks.c.task_id == task_id, at_work)
    # Until then, a host that was cut off may be back and settle its call itself.
    began = ours.expires_at - RESERVATION_LIFETIME
    is_old = not_(began.between(now - LONGEST_UNKNOWN, now + LONGEST_UNKNOWN))
    return or_(
        ours.host == socket.gethostname(),
        ours.expires_at < now,
        and_(is_known, not_(has_its_task), is_old),
    )


def _lives_here(row: Row[Any]) -> bool:
    is_here = row.host == socket.gethostname()
    return is_here and ProcessId(row.pid, row.pid_started).find() is not None


def _settled(
    store: StateStore, api: OpenRouterApi, record: RecordCall, row: Row[Any], now: datetime
) -> ModelCall | None:
    began = row.expires_at - RESERVATION_LIFETIME
    cost = api.cost_of_generation(row.generation_id) if row.generation_id else None
    # Either way: a clock that was set back since has its calls begin in the future.
    if cost is None and row.generation_id and abs(now - began) < LONGEST_UNKNOWN:
        return None
    call = _call_of(row, began, cost)
    record(call)
    charged = settle(store, row.reservation_id, cost_usd=cost, now=now)
    log.warning("a call of a process that has ended was settled: %s of %s USD", charged, row.amount_usd)
    return call


def _call_of(row: Row[Any], began: datetime, cost: Decimal | None) -> ModelCall:
    return ModelCall(
        call_id=f"{row.attempt_id}:{row.reservation_id[:12]}",
        attempt_id=row.attempt_id,
        task_id=row.attempt_id.rpartition(":")[0],
        sequence=0,
        asked_model=row.model,
        served_model=None,
        provider=None,
        started_at=began,
        duration_ms=0.0,
        first_token_ms=None,
        http_status=None,
        input_tokens=0,
        output_tokens=0,
        cached_tokens=0,
        reasoning_tokens=0,
        cost_usd=cost,
        input_price_usd=None,
        output_price_usd=None,
        finish_reason=None,
        fault=ORPHANED,
        generation_id=row.generation_id,
        streamed=False,
    )
