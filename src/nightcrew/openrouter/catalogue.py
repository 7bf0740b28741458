"""The catalogue of models in the state store, with its history: what can be used today, and why not the rest.

A refresh that fails keeps the last good list. A model that answers that it is gone leaves at once, whatever
the list says.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Connection,
    insert,
    select,
)
from sqlalchemy import update as sql_update
from sqlalchemy.dialects.postgresql import insert as upsert
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from nightcrew.errors import Transient
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.catalogue_tables import catalogue_history, catalogue_models, catalogue_refreshes
from nightcrew.openrouter.listing import Listed, configured_candidate, list_model
from nightcrew.openrouter.prices import Price, read_price
from nightcrew.openrouter.quota import learn_from_key
from nightcrew.openrouter.replies import ListedModel
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.selection.candidates import Candidate

log = logging.getLogger(__name__)

# A model that said it is gone stays away this long even if the list, which lags behind, still has it.
GONE_FOR = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a refresh found; `error` says why it failed, then the last good list still stands."""

    models: int
    appeared: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    error: str | None = None


class ModelCatalogue:
    """The models of one endpoint.

    `configured` names are used even where the endpoint lists nothing. `unknown_price_usd` (per token) is
    what a model without a published price counts as; None leaves its price unknown.
    """

    def __init__(
        self,
        store: StateStore,
        api: OpenRouterApi,
        *,
        configured: Iterable[str] = (),
        unknown_price_usd: Decimal | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._api = api
        self._endpoint = api.base_url
        self._configured = tuple(configured)
        self._unknown_price_usd = unknown_price_usd
        self._clock = clock

    def refresh(self) -> Refresh:
        """Reads the list anew and keeps what changed, and what `/key` says about the quota.

        A list that does not come is no error: the last good one stands.

        Raises:
            AccountStopped: the key is refused.
        """
        try:
            listed = {model.id: model for model in _list_patiently(self._api)}
            if not listed:
                raise Transient(f"{self._endpoint} lists no models")
        except Transient as error:
            return self._failed(str(error))
        now = self._clock()
        with self._store.engine.begin() as connection:
            self._note_refresh(connection, models=len(listed), error=None, succeeded_at=now)
            refresh = self._merge(connection, listed, now)
        self._learn_quota()
        return refresh

    @property
    def age(self) -> timedelta | None:
        """How old the last good list is; None: there never was one."""
        with self._store.engine.connect() as connection:
            succeeded_at = connection.execute(
                select(catalogue_refreshes.c.succeeded_at).where(
                    catalogue_refreshes.c.endpoint == self._endpoint
                )
            ).scalar()
        return None if succeeded_at is None else self._clock() - succeeded_at

    def candidates(self) -> tuple[Candidate, ...]:
        """What can be called today."""
        return tuple(listed.candidate for listed in self.listing() if listed.unusable is None)

    def listing(self) -> tuple[Listed, ...]:
        """Every model that is listed or configured, with the reason why it cannot be used."""
        today = self._clock().date()
        with self._store.engine.connect() as connection:
            rows = connection.execute(
                select(catalogue_models).where(catalogue_models.c.endpoint == self._endpoint)
            ).all()
        known = {
            row.model: list_model(
                ListedModel.model_validate(row.record),
                today=today,
                gone=row.gone_reason,
                unknown_price_usd=self._unknown_price_usd,
            )
            for row in rows
        }
        if not self._configured:
            return tuple(known.values())
        plain = not any(row.record.get("pricing") for row in rows)
        return tuple(
            known.get(name) or configured_candidate(name, plain, self._unknown_price_usd)
            for name in self._configured
        )

    def published_prices(self, models: Iterable[str]) -> dict[str, Price]:
        """Today's prices of these models, as far as they are published."""
        with self._store.engine.connect() as connection:
            rows = connection.execute(
                select(catalogue_models.c.model, catalogue_models.c.record).where(
                    catalogue_models.c.endpoint == self._endpoint, catalogue_models.c.model.in_(list(models))
                )
            ).all()
        prices = {row.model: read_price(row.record.get("pricing") or {}) for row in rows}
        return {model: price for model, price in prices.items() if price is not None}

    def mark_gone(self, model: str, reason: str) -> None:
        """Takes a model out of every plan, at once and for all processes."""
        log.warning("%s leaves the catalogue: %s", model, reason)
        now = self._clock()
        with self._store.engine.begin() as connection:
            marked = connection.execute(
                sql_update(catalogue_models)
                .where(catalogue_models.c.endpoint == self._endpoint, catalogue_models.c.model == model)
                .where(catalogue_models.c.gone_at.is_(None))
                .values(gone_at=now, gone_reason=reason)
            )
            if marked.rowcount:
                self._note(connection, [(model, "vanished", None, reason)], now)

    def _learn_quota(self) -> None:
        """What the account itself says about its free calls, where it can be asked."""
        try:
            info = self._api.key()
        except Transient as error:
            log.info("the account could not be asked about its quota: %s", error)
            return
        if info is not None:
            with self._store.engine.begin() as connection:
                learn_from_key(connection, self._api.account, info, now=self._clock())

    def _failed(self, message: str) -> Refresh:
        age = self.age
        kept = "there is no earlier one" if age is None else f"the last good one is {_hours(age)} old"
        log.warning("the catalogue could not be refreshed (%s); %s", message, kept)
        with self._store.engine.begin() as connection:
            models = self._note_refresh(connection, models=None, error=message, succeeded_at=None)
        return Refresh(models=models, error=f"{message}; {kept}")

    def _note_refresh(
        self, connection: Connection, *, models: int | None, error: str | None, succeeded_at: datetime | None
    ) -> int:
        """Writes how it went; its row lock lets one process at a time merge."""
        values: dict[str, Any] = {"tried_at": self._clock(), "error": error}
        if succeeded_at is not None:
            values |= {"succeeded_at": succeeded_at, "models": models}
        statement = (
            upsert(catalogue_refreshes)
            .values(endpoint=self._endpoint, **values)
            .on_conflict_do_update(index_elements=["endpoint"], set_=values)
            .returning(catalogue_refreshes.c.models)
        )
        return int(connection.execute(statement).scalar_one())

    def _merge(self, connection: Connection, listed: Mapping[str, ListedModel], now: datetime) -> Refresh:
        rows = connection.execute(
            select(catalogue_models).where(catalogue_models.c.endpoint == self._endpoint)
        ).all()
        known = {row.model: row for row in rows}
        records = {model: item.model_dump(mode="json") for model, item in listed.items()}
        appeared = [model for model in records if model not in known]
        changed = [model for model in records if model in known and known[model].record != records[model]]
        vanished = [row.model for row in rows if row.model not in records and row.gone_at is None]
        returned = [m for m in records if m in known and self._may_return(known[m], now)]
        self._write(connection, records, now)
        self._set_gone(connection, vanished, now, "no longer listed")
        self._set_gone(connection, returned, None, None)
        self._note(
            connection,
            [
                *((model, "appeared", records[model], None) for model in appeared),
                *((model, "changed", records[model], None) for model in changed),
                *((model, "vanished", None, "no longer listed") for model in vanished),
                *((model, "returned", records[model], None) for model in returned),
            ],
            now,
        )
        return Refresh(len(records), tuple(appeared), tuple(changed), tuple(vanished))

    @staticmethod
    def _may_return(row: Any, now: datetime) -> bool:
        if row.gone_at is None:
            return False
        return row.gone_reason == "no longer listed" or bool(now - row.gone_at >= GONE_FOR)

    def _write(self, connection: Connection, records: Mapping[str, Any], now: datetime) -> None:
        statement = upsert(catalogue_models)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["endpoint", "model"],
                set_={"record": statement.excluded.record, "last_seen_at": statement.excluded.last_seen_at},
            ),
            [
                {
                    "endpoint": self._endpoint,
                    "model": model,
                    "record": record,
                    "first_seen_at": now,
                    "last_seen_at": now,
                }
                for model, record in records.items()
            ],
        )

    def _set_gone(
        self, connection: Connection, models: list[str], at: datetime | None, reason: str | None
    ) -> None:
        if models:
            connection.execute(
                sql_update(catalogue_models)
                .where(catalogue_models.c.endpoint == self._endpoint, catalogue_models.c.model.in_(models))
                .values(gone_at=at, gone_reason=reason)
            )

    def _note(
        self, connection: Connection, changes: list[tuple[str, str, Any, str | None]], now: datetime
    ) -> None:
        if changes:
            connection.execute(
                insert(catalogue_history),
                [
                    {
                        "endpoint": self._endpoint,
                        "model": model,
                        "at": now,
                        "change": change,
                        "record": record,
                        "reason": reason,
                    }
                    for model, change, record, reason in changes
                ],
            )


# ----------------------------------------------------------------------------------------------------


def _hours(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


@retry(
    retry=retry_if_exception_type(Transient),
    stop=stop_after_attempt(3),
    wait=wait_exponential_jitter(initial=0.2, max=2.0, jitter=0.3),
    reraise=True,
)
def _list_patiently(api: OpenRouterApi) -> tuple[ListedModel, ...]:
    """The list costs nothing and is asked for once an hour: a hiccup is worth two more tries."""
    return api.models()
