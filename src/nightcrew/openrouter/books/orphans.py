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

from sqlalchemy import Row, select, update

from nightcrew.execution.attempt import ModelCall
from nightcrew.host.process_id import ProcessId
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.budget import RESERVATION_LIFETIME, charge_overdue, settle
from nightcrew.openrouter.books.budget_tables import budget_reservations
from nightcrew.queue.state_store import StateStore

log = logging.getLogger(__name__)

LONGEST_UNKNOWN = timedelta(minutes=4)  # from the call on, until the provider has to know its cost
ORPHANED = "abandoned"  # the fault in the record of such a call


def note_generation(store: StateStore, reservation_id: str, generation_id: str) -> None:
    """Store the provider's name of a call that has begun to answer."""
    named = update(budget_reservations).where(budget_reservations.c.reservation_id == reservation_id)
    with store.engine.begin() as connection:
        connection.execute(named.values(generation_id=generation_id))


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
