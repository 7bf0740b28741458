"""What a clock that ran ahead has written, once it is set right: without this, it would hold for hours.

Rows from later than any host's clock may differ are taken as written now: the calls are in the last minute's
window, open breakers let a probe pass, and the provider is asked anew about the quota.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from nightcrew.openrouter.books.account import accounts
from nightcrew.openrouter.books.breakers import PROBE_LIFETIME, breakers
from nightcrew.openrouter.books.quota import quota_calls
from nightcrew.queue.state_store import StateStore

log = logging.getLogger(__name__)

CLOCKS_DIFFER = timedelta(minutes=2)  # between hosts at most, without being wrong


def set_right(store: StateStore, *, now: datetime) -> int:
    """Correct the rows of quota and breakers that were written in the future; their number."""
    latest = now + CLOCKS_DIFFER
    with store.engine.begin() as connection:
        corrected = _calls(connection, now, latest) + _breakers(connection, now, latest)
    if corrected:
        log.warning("the clock was set back: %d rows of quota and breakers were from the future", corrected)
    return corrected


# ---------------------------------------------------------------------------------------------------------


def _calls(connection: Connection, now: datetime, latest: datetime) -> int:
    ahead = select(quota_calls.c.account).where(quota_calls.c.at > latest)
    # A refusal is learned right after its call took a place, so that it is as wrong as that one.
    no_rest = {"resting_until": None, "resting_fault": None}
    connection.execute(update(accounts).where(accounts.c.account.in_(ahead)).values(no_rest))
    return connection.execute(update(quota_calls).where(quota_calls.c.at > latest).values(at=now)).rowcount


def _breakers(connection: Connection, now: datetime, latest: datetime) -> int:
    """An open breaker and its counts have the same time; a probe has only its end."""
    counts = update(breakers).where(breakers.c.counted_since > latest)
    is_open = breakers.c.cooldown_until.is_not(None)
    connection.execute(counts.where(is_open).values(cooldown_until=now))
    counted = connection.execute(counts.values(counted_since=now, calls=0, faults=0))
    probes = update(breakers).where(breakers.c.probe_until > latest + PROBE_LIFETIME)
    return counted.rowcount + connection.execute(probes.values(probe=None, probe_until=None)).rowcount
