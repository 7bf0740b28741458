"""Calls whose process was killed: each is settled with the provider's own record of it.

The provider names a call in the head of its answer, and that name is stored beside the reservation at once.
What it has no record of is charged in full, so that no budget is exceeded.
"""

import logging
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select

from nightcrew.execution.attempt import ModelCall
from nightcrew.host.process_id import ProcessId
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.budget import RESERVATION_LIFETIME, charge_overdue, settle
from nightcrew.openrouter.books.budget_tables import budget_reservations
from nightcrew.openrouter.books.round_trip import in_one_trip
from nightcrew.queue.state_store import StateStore

log = logging.getLogger(__name__)

LONGEST_UNKNOWN = timedelta(minutes=4)  # from the call on, until the provider has to know its cost
ORPHANED = "abandoned"  # the fault in the record of such a call


def note_generation(store: StateStore, reservation_id: str, generation_id: str) -> None:
    """Store the provider's name of a call that has begun to answer."""
    values = {"reservation_id": reservation_id, "generation_id": generation_id}
    in_one_trip(store, [_NAME], values)


def settle_orphans(store: StateStore, api: OpenRouterApi, *, now: datetime) -> Sequence[ModelCall]:
    """Settle the calls of dead processes of this host; returns their records for the ledger.

    A call that the provider does not know yet waits for a next time, at most `LONGEST_UNKNOWN`.
    """
    charge_overdue(store, now=now)  # of other hosts, and of earlier versions
    query = select(budget_reservations).where(budget_reservations.c.host == socket.gethostname())
    with store.engine.connect() as connection:
        rows = connection.execute(query).all()
    dead = [row for row in rows if ProcessId(row.pid, row.pid_started).find() is None]
    settled = (_settled(store, api, row, now) for row in dead)
    return [call for call in settled if call is not None]


# ---------------------------------------------------------------------------------------------------------

# The answer waits for this statement. Its commit need not wait for the disk: a killed process, for which the
# name is kept, loses no commit, and after a power failure the call is charged in full.
_NAME = """
with named as (
    update budget_reservations set generation_id = %(generation_id)s where reservation_id = %(reservation_id)s
)
select set_config('synchronous_commit', 'off', true)"""


def _settled(store: StateStore, api: OpenRouterApi, row: Row[Any], now: datetime) -> ModelCall | None:
    began = row.expires_at - RESERVATION_LIFETIME
    cost = api.cost_of_generation(row.generation_id) if row.generation_id else None
    if cost is None and row.generation_id and now - began < LONGEST_UNKNOWN:
        return None
    charged = settle(store, row.reservation_id, cost_usd=cost, now=now)
    log.warning("a call of a killed process was settled: %s of %s USD", charged, row.amount_usd)
    return _record(row, began, cost)


def _record(row: Row[Any], began: datetime, cost: Decimal | None) -> ModelCall:
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
