"""Merges a new list of models into the store: which appeared, changed, vanished or returned, and when.

The caller's transaction makes the merge atomic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy import update as sql_update
from sqlalchemy.dialects.postgresql import insert as upsert

from nightcrew.openrouter.catalogue.catalogue_tables import (
    catalogue_history,
    catalogue_models,
    catalogue_refreshes,
)
from nightcrew.openrouter.wire.records import ListedModel

# A model whose endpoint reported it as gone stays removed this long, because the list lags behind.
GONE_FOR = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Refresh:
    """The changes found by a refresh; if it failed, `error` says why and the last good list stays in use.

    `answered` is False if no list was received, so that nothing is known about the endpoint's models.
    """

    models: int
    appeared: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    error: str | None = None
    answered: bool = True


def note_success(connection: Connection, endpoint: str, *, models: int, at: datetime) -> None:
    """Record a successful fetch; the row's lock lets one process at a time merge."""
    values = {"tried_at": at, "error": None, "succeeded_at": at, "models": models}
    _note_refresh(connection, endpoint, values)


def note_failure(connection: Connection, endpoint: str, *, error: str, at: datetime) -> int:
    """Record a failed fetch; returns the number of models in the last good list."""
    return _note_refresh(connection, endpoint, {"tried_at": at, "error": error})


def merge(connection: Connection, endpoint: str, listed: Mapping[str, ListedModel], now: datetime) -> Refresh:
    """Store a new list and its changes."""
    rows = connection.execute(select(catalogue_models).where(catalogue_models.c.endpoint == endpoint)).all()
    known = {row.model: row for row in rows}
    records = {model: item.model_dump(mode="json") for model, item in listed.items()}
    appeared = [model for model in records if model not in known]
    changed = [model for model in records if model in known and known[model].record != records[model]]
    vanished = [row.model for row in rows if row.model not in records and row.gone_at is None]
    returned = [m for m in records if m in known and _may_return(known[m], now)]
    _write(connection, endpoint, records, now)
    _set_gone(connection, endpoint, vanished, now, "no longer listed")
    _set_gone(connection, endpoint, returned, None, None)
    _note(
        connection,
        endpoint,
        [
            *((model, "appeared", records[model], None) for model in appeared),
            *((model, "changed", records[model], None) for model in changed),
            *((model, "vanished", None, "no longer listed") for model in vanished),
            *((model, "returned", records[model], None) for model in returned),
        ],
        now,
    )
    return Refresh(len(records), tuple(appeared), tuple(changed), tuple(vanished))


def mark_gone(connection: Connection, endpoint: str, model: str, reason: str, now: datetime) -> None:
    """Remove a model from the candidates until it is listed again later."""
    marked = connection.execute(
        sql_update(catalogue_models)
        .where(catalogue_models.c.endpoint == endpoint, catalogue_models.c.model == model)
        .where(catalogue_models.c.gone_at.is_(None))
        .values(gone_at=now, gone_reason=reason)
    )
    if marked.rowcount:
        _note(connection, endpoint, [(model, "vanished", None, reason)], now)


# ----------------------------------------------------------------------------------------------------


def _note_refresh(connection: Connection, endpoint: str, values: dict[str, Any]) -> int:
    statement = (
        upsert(catalogue_refreshes)
        .values(endpoint=endpoint, **values)
        .on_conflict_do_update(index_elements=["endpoint"], set_=values)
        .returning(catalogue_refreshes.c.models)
    )
    return int(connection.execute(statement).scalar_one())


def _may_return(row: Any, now: datetime) -> bool:
    if row.gone_at is None:
        return False
    return row.gone_reason == "no longer listed" or bool(now - row.gone_at >= GONE_FOR)


def _write(connection: Connection, endpoint: str, records: Mapping[str, Any], now: datetime) -> None:
    statement = upsert(catalogue_models)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["endpoint", "model"],
            set_={"record": statement.excluded.record, "last_seen_at": statement.excluded.last_seen_at},
        ),
        [
            {
                "endpoint": endpoint,
                "model": model,
                "record": record,
                "first_seen_at": now,
                "last_seen_at": now,
            }
            for model, record in records.items()
        ],
    )


def _set_gone(
    connection: Connection, endpoint: str, models: list[str], at: datetime | None, reason: str | None
) -> None:
    if models:
        connection.execute(
            sql_update(catalogue_models)
            .where(catalogue_models.c.endpoint == endpoint, catalogue_models.c.model.in_(models))
            .values(gone_at=at, gone_reason=reason)
        )


def _note(
    connection: Connection, endpoint: str, changes: list[tuple[str, str, Any, str | None]], now: datetime
) -> None:
    if changes:
        connection.execute(
            insert(catalogue_history),
            [
                {
                    "endpoint": endpoint,
                    "model": model,
                    "at": now,
                    "change": change,
                    "record": record,
                    "reason": reason,
                }
                for model, change, record, reason in changes
            ],
        )
