"""Offline: the provider cannot be reached. It is a state of the whole crew, and no fault of a task or model.

While it lasts, no attempt starts. One process at a time probes whether it is over, ever less often.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.account import accounts, lock_account, read_account
from nightcrew.openrouter.wire.exchange import NoReply
from nightcrew.queue.state_store import StateStore, utc_now

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=1)
RELAPSE = timedelta(minutes=10)  # an outage that soon after another one is the same


@dataclass(frozen=True, slots=True)
class Offline:
    """The provider could not be reached since then; `until` is the next probe."""

    since: datetime
    until: datetime
    reason: str


def go_offline(
    store: StateStore, account: str, reason: str, *, clock: Callable[[], datetime] = utc_now
) -> None:
    """No attempt starts from now on; a repeated call changes nothing."""
    now = clock()
    with store.engine.begin() as connection:
        row = lock_account(connection, account, for_update=True)
        if row.offline_since is not None:
            return
        relapsed = row.online_at is not None and now - row.online_at < RELAPSE
        probes = row.offline_probes + 1 if relapsed else 0
        values = {"offline_since": now, "offline_reason": reason, **_next_probe(now, probes)}
        connection.execute(update(accounts).where(accounts.c.account == account).values(**values))
    log.error("the provider cannot be reached: %s", reason)


def offline(store: StateStore, account: str) -> Offline | None:
    """The current outage; None while calls can be made."""
    row = read_account(store, account)
    if row is None or row.offline_since is None:
        return None
    return Offline(row.offline_since, row.offline_until, row.offline_reason)


def probed(
    store: StateStore, api: OpenRouterApi, *, clock: Callable[[], datetime] = utc_now
) -> Offline | None:
    """The outage after a probe, if one is due; None if it is over, or there is none."""
    outage = offline(store, api.account)
    if outage is None or not _takes_probe(store, api.account, clock()):
        return outage
    if not _is_reachable(api):
        return offline(store, api.account)
    with store.engine.begin() as connection:
        values = {"offline_since": None, "offline_until": None, "offline_reason": None, "online_at": clock()}
        connection.execute(update(accounts).where(accounts.c.account == api.account).values(**values))
    log.warning("the provider can be reached again")
    return None


# ---------------------------------------------------------------------------------------------------------


def _takes_probe(store: StateStore, account: str, now: datetime) -> bool:
    """True for one process each time a probe is due; the next one is due later."""
    with store.engine.begin() as connection:
        row = lock_account(connection, account, for_update=True)
        # A probe that is due later than any pause comes from a clock that has been set back.
        if row.offline_since is None or now < row.offline_until <= now + LONGEST_PAUSE:
            return False
        values = _next_probe(now, row.offline_probes + 1)
        connection.execute(update(accounts).where(accounts.c.account == account).values(**values))
    return True


def _next_probe(now: datetime, probes: int) -> dict[str, Any]:
    return {
        "offline_probes": probes,
        "offline_until": now + min(FIRST_PAUSE * 2 ** min(probes, 9), LONGEST_PAUSE),
    }


def _is_reachable(api: OpenRouterApi) -> bool:
    """True if the endpoint answers at all, with anything but a failure of its own."""
    try:
        return api.get_reply("/models").status < 500
    except NoReply:
        return False
