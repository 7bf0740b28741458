"""Circuit breakers per model and per upstream provider, durable and shared by all processes.

A breaker opens after consecutive faults or a high share of faults, and at once if the other side asks for a
pause. It stays open for as long as that asked, or twice as long each time, with jitter. Then one call passes
as a probe, whose outcome closes or reopens it.
"""

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, DateTime, Integer, Row, Table, Text, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from nightcrew.queue.state_store import metadata

log = logging.getLogger(__name__)

FAULTS_IN_A_ROW = 3
FAULT_SHARE, FAULT_SHARE_CALLS = 0.5, 10
SHARE_WINDOW = timedelta(minutes=10)
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(hours=1)
SHORT_RETRY_AFTER_SECONDS = 5.0  # a shorter wait is spent in place and opens no breaker
PROBE_LIFETIME = timedelta(minutes=5)  # after it, its process is assumed dead

breakers = Table(
    "breakers",
    metadata,
    Column("account", Text, primary_key=True),
    Column("key", Text, primary_key=True),  # model:<id> or provider:<name>
    Column("in_a_row", Integer, nullable=False, server_default="0"),
    Column("opened", Integer, nullable=False, server_default="0"),  # times since it last closed
    Column("cooldown_until", DateTime(timezone=True)),  # null: closed
    Column("reason", Text),
    Column("probe", Text),
    Column("probe_until", DateTime(timezone=True)),
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("faults", Integer, nullable=False, server_default="0"),
    Column("counted_since", DateTime(timezone=True)),
)


@dataclass(frozen=True, slots=True)
class Resting:
    """An open breaker."""

    key: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed call's effect on a breaker; `at_once` opens it in any case."""

    reason: str
    retry_after_seconds: float | None = None
    at_once: bool = False


def model_key(model: str) -> str:
    """The key of a model's breaker."""
    return f"model:{model}"


def provider_key(provider: str) -> str:
    """The key of an upstream provider's breaker."""
    return f"provider:{provider}"


def read_breakers(connection: Connection, account: str, model: str) -> dict[str, Resting | None]:
    """The breakers of `model` and of all providers, by key; None for a closed one."""
    rows = connection.execute(
        select(breakers.c.key, breakers.c.cooldown_until, breakers.c.reason).where(
            breakers.c.account == account,
            or_(breakers.c.key == model_key(model), breakers.c.key.startswith(provider_key(""))),
        )
    ).all()
    return {
        row.key: None if row.cooldown_until is None else Resting(row.key, row.cooldown_until, row.reason)
        for row in rows
    }


def admit(
    connection: Connection, account: str, opened: Resting | None, *, call_key: str, now: datetime
) -> Resting | None:
    """None if the call may pass; the first call after a cool-down becomes the probe."""
    if opened is None:
        return None
    if opened.until > now:
        return opened
    key = opened.key
    row = _row(connection, account, key, for_update=True)
    if row is None or row.cooldown_until is None:
        return None
    if row.probe is not None and row.probe_until > now and row.probe != call_key:
        return Resting(key, min(row.probe_until, now + FIRST_REST), f"{row.reason}; being probed")
    connection.execute(
        update(breakers)
        .where(breakers.c.account == account, breakers.c.key == key)
        .values(probe=call_key, probe_until=now + PROBE_LIFETIME)
    )
    return None


def resting(connection: Connection, account: str, *, now: datetime) -> tuple[Resting, ...]:
    """Every breaker that is open now."""
    rows = connection.execute(
        select(breakers).where(breakers.c.account == account, breakers.c.cooldown_until > now)
    ).all()
    return tuple(Resting(row.key, row.cooldown_until, row.reason) for row in rows)


def resting_providers(known: Mapping[str, Resting | None], *, now: datetime) -> tuple[str, ...]:
    """The upstream providers to exclude from a call's routing."""
    prefix = provider_key("")
    return tuple(
        sorted(
            key.removeprefix(prefix)
            for key, rest in known.items()
            if key.startswith(prefix) and rest is not None and rest.until > now
        )
    )


def record_answer(connection: Connection, account: str, keys: Sequence[str], *, now: datetime) -> None:
    """Count an answered call and close breakers after their cool-down. Without faults there is no row."""
    rows = connection.execute(
        select(breakers)
        .where(breakers.c.account == account, breakers.c.key.in_(keys))
        .order_by(breakers.c.key)
        .with_for_update()
    ).all()
    for row in rows:
        values = _counts(row, now, faults=0) | {"in_a_row": 0}
        if row.cooldown_until is not None and row.cooldown_until <= now:
            log.info("%s is available again", row.key)
            values |= {
                "opened": 0,
                "cooldown_until": None,
                "reason": None,
                "probe": None,
                "probe_until": None,
            }
        _write(connection, account, row.key, values)


def give_back_probe(connection: Connection, account: str, key: str, *, call_key: str) -> None:
    """End a probe that was not conclusive; the next call may be one."""
    connection.execute(
        update(breakers)
        .where(breakers.c.account == account, breakers.c.key == key, breakers.c.probe == call_key)
        .values(probe=None, probe_until=None)
    )


def record_fault(
    connection: Connection, account: str, key: str, fault: Fault, *, now: datetime
) -> datetime | None:
    """Count a failed call; returns until when the breaker is open, or None if it stays closed."""
    _write(connection, account, key, {})
    row = _row(connection, account, key, for_update=True)
    assert row is not None
    values = _counts(row, now, faults=1) | {"in_a_row": row.in_a_row + 1}
    if not (fault.at_once or _is_open(row) or _too_many(values)):
        _write(connection, account, key, values)
        return None
    until = max(now + _cooldown(row.opened, fault), row.cooldown_until or now)
    values |= {"calls": 0, "faults": 0, "counted_since": now, "probe": None, "probe_until": None}
    values |= {"opened": row.opened + 1, "cooldown_until": until, "reason": fault.reason}
    _write(connection, account, key, values)
    log.warning("%s is unavailable until %s: %s", key, until.isoformat(timespec="seconds"), fault.reason)
    return until


# ----------------------------------------------------------------------------------------------------


def _row(
    connection: Connection, account: str, key: str, *, for_update: bool = False
) -> Row[tuple[object, ...]] | None:
    query = select(breakers).where(breakers.c.account == account, breakers.c.key == key)
    return connection.execute(query.with_for_update() if for_update else query).one_or_none()


def _write(connection: Connection, account: str, key: str, values: dict[str, object]) -> None:
    statement = upsert(breakers).values(account=account, key=key, **values)
    if values:
        connection.execute(statement.on_conflict_do_update(index_elements=["account", "key"], set_=values))
    else:
        connection.execute(statement.on_conflict_do_nothing())


def _is_open(row: Row[tuple[object, ...]]) -> bool:
    return row.cooldown_until is not None


def _counts(row: Row[tuple[object, ...]] | None, now: datetime, *, faults: int) -> dict[str, object]:
    if row is None or row.counted_since is None or now - row.counted_since > SHARE_WINDOW:
        return {"calls": 1, "faults": faults, "counted_since": now}
    return {"calls": row.calls + 1, "faults": row.faults + faults}


def _too_many(values: dict[str, object]) -> bool:
    calls, faults, in_a_row = (int(str(values[name])) for name in ("calls", "faults", "in_a_row"))
    return in_a_row >= FAULTS_IN_A_ROW or (calls >= FAULT_SHARE_CALLS and faults > FAULT_SHARE * calls)


def _cooldown(opened: int, fault: Fault) -> timedelta:
    doubled = min(FIRST_REST * 2 ** min(opened, 12), LONGEST_REST)
    asked = timedelta(seconds=fault.retry_after_seconds or 0)
    # Only positive jitter: never earlier than the other side asked.
    rest: timedelta = min(max(doubled, asked), LONGEST_REST * 24)
    return rest * random.uniform(1.0, 1.2)  # noqa: S311
