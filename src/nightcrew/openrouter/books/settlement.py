"""Settlement after a call: records its cost, and what it showed about quota and breakers.

The cost is settled in one round trip; an ordinary answered call needs no other one.
"""

import logging
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from nightcrew.openrouter.books import breakers, budget, orphans, quota
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.breakers import SHORT_RETRY_AFTER_SECONDS, Fault, model_key, provider_key
from nightcrew.openrouter.books.ticket import Ticket
from nightcrew.openrouter.wire.answers import Outcome
from nightcrew.openrouter.wire.recovery import Charged, Rests, Row

log = logging.getLogger(__name__)

# Faults that open a model's breaker at once, because more calls are useless then.
_REST_AT_ONCE = frozenset({"upstream_rate_limit"})
# Faults that concern the provider, not only the model.
_OF_THE_PROVIDER = frozenset(
    {
        "upstream_timeout",
        "provider_failed",
        "provider_overloaded",
        "server_error",
        "timeout",
        "mid_stream_error",
    }
)


class Settlement:
    """Settles the calls of one attempt."""

    def __init__(self, books: AttemptBooks) -> None:
        self._books = books

    def note_generation(self, ticket: Ticket, generation_id: str) -> None:
        """Keep the provider's name of a paid call, by which it can be settled if this process is killed."""
        try:
            orphans.note_generation(self._books.store, ticket.call_key, generation_id)
        except OperationalError as error:  # the answer is worth more; without a name it is charged in full
            log.warning("the name of a call could not be stored: %s", type(error).__name__)

    def settle(
        self, ticket: Ticket, outcome: Outcome, cost_usd: Decimal | None, *, is_recorded: bool = True
    ) -> None:
        """Settle a call; None charges in full what was reserved.

        One whose record is not on disk stays reserved, if the provider can name its cost: as the call of an
        ended process it is recorded again, and then settled.
        """
        now, surprise = self._books.clock(), cost_usd if not ticket.reserved_usd else None
        if outcome.row is not None or ticket.breakers or surprise:
            self._note(ticket, outcome, surprise, now)
        if ticket.reserved_usd and not is_recorded and outcome.generation_id is not None:
            self.note_generation(ticket, outcome.generation_id)
        elif ticket.reserved_usd:
            budget.settle(self._books.store, ticket.call_key, cost_usd=cost_usd, now=now)

    def _note(self, ticket: Ticket, outcome: Outcome, surprise_usd: Decimal | None, now: datetime) -> None:
        books, row = self._books, outcome.row
        with books.store.engine.begin() as connection:
            if ticket.uses_quota and outcome.http_status is None and not outcome.may_have_cost:
                quota.release(connection, books.account, ticket.call_key)
            if row is not None and row.rests is Rests.FREE_MODELS:
                quota.learn_from_refusal(
                    connection,
                    books.account,
                    books.limits,
                    fault=row.fault,
                    trouble=outcome.trouble,
                    now=now,
                )
            self._update_breakers(connection, ticket, outcome, now)
            if surprise_usd:
                # A call that the catalogue lists as free may be billed nevertheless; then it is charged here
                # too.
                log.error("%s was free and cost %s USD", ticket.candidate.model, surprise_usd)
                budget.charge(
                    connection, books.scopes(now), surprise_usd, reservation_id=ticket.call_key, now=now
                )

    def _update_breakers(
        self, connection: Connection, ticket: Ticket, outcome: Outcome, now: datetime
    ) -> None:
        row, keys = outcome.row, [model_key(ticket.candidate.model)]
        provider = outcome.provider or outcome.trouble.provider
        if provider and ticket.published is not None and (row is None or row.fault in _OF_THE_PROVIDER):
            keys.append(provider_key(provider))
        if row is None:
            if recorded := ticket.breakers.intersection(keys):
                breakers.record_answer(connection, self._books.account, sorted(recorded), now=now)
        elif row.charged is Charged.PROVIDER and row.rests is Rests.MODEL:
            of_model, *of_provider = keys
            fault = _fault_of_model(row, outcome.trouble.retry_after_seconds)
            breakers.record_fault(connection, self._books.account, of_model, fault, now=now)
            for key in of_provider:
                breakers.record_fault(connection, self._books.account, key, Fault(row.fault), now=now)
        else:
            breakers.give_back_probe(connection, self._books.account, keys[0], call_key=ticket.call_key)


# ----------------------------------------------------------------------------------------------------


def _fault_of_model(row: Row, asked_seconds: float | None) -> Fault:
    """A model rests as long as its provider asked; a provider rests by its number of faults alone."""
    if asked_seconds is None:
        return Fault(row.fault, at_once=row.fault in _REST_AT_ONCE)
    return Fault(row.fault, asked_seconds, asked_seconds > SHORT_RETRY_AFTER_SECONDS)
