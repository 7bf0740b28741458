"""The catalogue of models in the state store, with its history: which models can be used, and why not others.

If a refresh fails, the last good list stays in use. A model whose endpoint reports that it is gone is removed
at once, even if it is still listed.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from nightcrew.errors import BadInput, Transient
from nightcrew.execution.attempt import ModelCall
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.quota import learn_from_key
from nightcrew.openrouter.catalogue import catalogue_changes
from nightcrew.openrouter.catalogue.catalogue_changes import Refresh
from nightcrew.openrouter.catalogue.catalogue_tables import catalogue_models, catalogue_refreshes
from nightcrew.openrouter.catalogue.listing import (
    MISSING,
    NO_PRICE,
    Listed,
    configured_candidate,
    list_model,
    with_form,
)
from nightcrew.openrouter.catalogue.model_forms import (
    ModelForm,
    note_calls,
    note_no_tools,
    note_text,
    read_forms,
)
from nightcrew.openrouter.wire.prices import Price, read_price
from nightcrew.openrouter.wire.records import ListedModel
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.selection.candidates import Candidate

log = logging.getLogger(__name__)


class ModelCatalogue:
    """The models of one endpoint.

    `configured` models are used even if the endpoint lists nothing. `unknown_price_usd` (per token) is the
    price assumed for a model without a published one; None leaves its price unknown.
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
        self.latest: Refresh | None = None
        """This object's own last refresh, if it made one."""

    def refresh(self) -> Refresh:
        """Fetch the list and store the changes, and the quota from `/key`.

        A failure to fetch the list is not an error: the last good one stays in use.

        Raises:
            AccountStopped: the key is refused.
        """
        try:
            listed = {model.id: model for model in _list_patiently(self._api)}
        except Transient as error:
            return self._failed(str(error), answered=False)
        if not listed:
            return self._failed(f"{self._endpoint} lists no models", answered=True)
        now = self._clock()
        with self._store.engine.begin() as connection:
            catalogue_changes.note_success(connection, self._endpoint, models=len(listed), at=now)
            refresh = catalogue_changes.merge(connection, self._endpoint, listed, now)
        self._learn_quota()
        self.latest = refresh
        return refresh

    @property
    def age(self) -> timedelta | None:
        """The age of the last good list; None if there is none."""
        with self._store.engine.connect() as connection:
            succeeded_at = connection.execute(
                select(catalogue_refreshes.c.succeeded_at).where(
                    catalogue_refreshes.c.endpoint == self._endpoint
                )
            ).scalar()
        return None if succeeded_at is None else self._clock() - succeeded_at

    def candidates(self) -> tuple[Candidate, ...]:
        """The models that can be called now."""
        return tuple(listed.candidate for listed in self.listing() if listed.unusable is None)

    def check_usable(self) -> None:
        """Refuse an endpoint no model of which can be used until a setting is changed.

        One that cannot be reached, and of which nothing is known, is not refused: work waits for it.

        Raises:
            BadInput: the message says which setting.
        """
        if self.problem and self.latest is None:
            self.refresh()  # a model may have been added since
        if problem := self.problem:
            raise BadInput(problem)

    @property
    def problem(self) -> str | None:
        """Which setting keeps every model from use; None if none does, or if that is not known."""
        listing = self.listing()
        reasons = {listed.unusable for listed in listing}
        if None in reasons:
            return None
        if NO_PRICE in reasons:
            return f"no model of {self._endpoint} can be used; {NO_PRICE}"
        if reasons == {MISSING}:
            return (
                f"{self._endpoint} has none of the models that NIGHTCREW_MODELS names "
                f"({', '.join(self._configured)}); it has {self._some_names()}"
            )
        if not listing and self.latest is not None and self.latest.answered:
            return f"{self._endpoint} lists no models: name what it serves in NIGHTCREW_MODELS"
        return None

    def listing(self) -> tuple[Listed, ...]:
        """Every listed or configured model, with the reason if it cannot be used."""
        now = self._clock()
        today = now.date()
        with self._store.engine.connect() as connection:
            rows = connection.execute(
                select(catalogue_models).where(catalogue_models.c.endpoint == self._endpoint)
            ).all()
            forms = read_forms(connection, self._endpoint)
        known = {
            row.model: list_model(
                ListedModel.model_validate(row.record),
                today=today,
                gone=row.gone_reason,
                unknown_price_usd=self._unknown_price_usd,
            )
            for row in rows
        }
        chosen = (
            known.get(name)
            or known.get(f"{name}:latest")  # which Ollama takes a name without a tag for
            or configured_candidate(name, bool(rows), self._unknown_price_usd)
            for name in self._configured or known
        )
        by_name = {listed.candidate.model: listed for listed in chosen}
        return tuple(
            with_form(listed, forms[name], now) if name in forms else listed
            for name, listed in by_name.items()
        )

    def form_of(self, model: str) -> ModelForm:
        """What has been seen of the form of a model's answers."""
        with self._store.engine.connect() as connection:
            return read_forms(connection, self._endpoint).get(model, ModelForm())

    def note_calls(self, calls: Iterable[ModelCall]) -> None:
        """Learn from the form of answers to requests with tools."""
        with self._store.engine.begin() as connection:
            note_calls(connection, self._endpoint, calls, self._clock())

    def note_no_tools(self, model: str) -> None:
        """Remember that a model calls no tools, for all processes."""
        log.warning("%s answers in prose when it is asked for a tool call", model)
        with self._store.engine.begin() as connection:
            note_no_tools(connection, self._endpoint, model, self._clock())

    def note_text(self, model: str, *, was_read: bool) -> None:
        """Learn whether edits in text could be read."""
        with self._store.engine.begin() as connection:
            note_text(connection, self._endpoint, model, was_read=was_read)

    def published_prices(self, models: Iterable[str]) -> dict[str, Price]:
        """The current prices of these models, as far as they are published."""
        with self._store.engine.connect() as connection:
            rows = connection.execute(
                select(catalogue_models.c.model, catalogue_models.c.record).where(
                    catalogue_models.c.endpoint == self._endpoint, catalogue_models.c.model.in_(list(models))
                )
            ).all()
        prices = {row.model: read_price(row.record.get("pricing") or {}) for row in rows}
        return {model: price for model, price in prices.items() if price is not None}

    def mark_gone(self, model: str, reason: str) -> None:
        """Remove a model from the candidates, at once and for all processes."""
        log.warning("%s is removed from the catalogue: %s", model, reason)
        with self._store.engine.begin() as connection:
            catalogue_changes.mark_gone(connection, self._endpoint, model, reason, self._clock())

    def _some_names(self) -> str:
        with self._store.engine.connect() as connection:
            names = connection.execute(
                select(catalogue_models.c.model)
                .where(catalogue_models.c.endpoint == self._endpoint, catalogue_models.c.gone_at.is_(None))
                .order_by(catalogue_models.c.model)
            ).scalars()
            first, *more = list(names) or ["no others"]
        return ", ".join([first, *more[:4]]) + (" and others" if more[4:] else "")

    def _learn_quota(self) -> None:
        """Store the account's own figures about its free calls, if it reports them."""
        try:
            info = self._api.key()
        except Transient as error:
            log.info("the account's quota could not be read: %s", error)
            return
        if info is not None:
            with self._store.engine.begin() as connection:
                learn_from_key(connection, self._api.account, info, now=self._clock())

    def _failed(self, message: str, *, answered: bool) -> Refresh:
        age = self.age
        kept = "there is no earlier one" if age is None else f"the last good one is {_hours(age)} old"
        log.warning("the catalogue could not be refreshed (%s); %s", message, kept)
        with self._store.engine.begin() as connection:
            models = catalogue_changes.note_failure(
                connection, self._endpoint, error=message, at=self._clock()
            )
        self.latest = Refresh(models=models, error=f"{message}; {kept}", answered=answered)
        return self.latest


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
    """Fetch the list with two retries, which it is worth because it is fetched once an hour."""
    return api.models()
