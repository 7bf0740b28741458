"""Admission of a call: the account is not stopped, quota is left, breakers are closed, the cost is reserved.

All of this succeeds or nothing is taken; the locks are taken in this order. The common case takes one round
trip to the state store; otherwise a longer transaction finds the obstacle.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from nightcrew.openrouter.books import breakers, budget, quota
from nightcrew.openrouter.books.account import check_running, lock_account, make_durable
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.breakers import Resting, model_key
from nightcrew.openrouter.books.budget import DoesNotFit
from nightcrew.openrouter.books.fast_admission import set_aside, take_place
from nightcrew.openrouter.books.ticket import Obstacle, Refusal, Ticket, Wish
from nightcrew.openrouter.wire.chat_request import LEAST_OUTPUT_TOKENS


class Admission:
    """Admits the calls of one attempt."""

    def __init__(self, books: AttemptBooks) -> None:
        self._books = books

    def admit(self, wish: Wish) -> Ticket | Refusal:
        """A ticket, or a refusal with its reason.

        Raises:
            AccountStopped: the whole crew is stopped.
        """
        now = self._books.clock()
        try:
            return self._fast_path(wish, now) or self._slow_path(wish, now)
        except _Refused as refused:
            return refused.refusal

    def _fast_path(self, wish: Wish, now: datetime) -> Ticket | None:
        """A ticket in one round trip; None if there is an obstacle, and then nothing was taken."""
        books, call_key, model = self._books, uuid.uuid4().hex, wish.candidate.model
        tokens, reserved, scopes = wish.output_tokens, Decimal(0), dict[str, Decimal]()
        if wish.uses_quota:
            taken = take_place(
                books.store, books.account, books.limits, call_key=call_key, model=model, now=now
            )
        else:
            if not wish.price.free:
                tokens = wish.affordable_tokens(books.budgets.call_usd)
                if tokens < min(wish.output_tokens, LEAST_OUTPUT_TOKENS):
                    return None
                reserved, scopes = wish.worst_case_usd(tokens), books.scopes(now)
            taken = set_aside(
                books.store,
                books.account,
                scopes,
                reserved,
                call_key=call_key,
                model=model,
                attempt_id=books.attempt_id,
                now=now,
            )
        if taken is None:
            return None
        return _ticket(wish, call_key, tokens, reserved, taken.breakers, now)

    def _slow_path(self, wish: Wish, now: datetime) -> Ticket:
        books, call_key = self._books, uuid.uuid4().hex
        with books.store.engine.begin() as connection:
            self._take_place(connection, wish, call_key, now)
            known = breakers.read_breakers(connection, books.account, wish.candidate.model)
            own = known.get(model_key(wish.candidate.model))
            resting = breakers.admit(connection, books.account, own, call_key=call_key, now=now)
            if resting is not None:
                raise _Refused(Refusal(Obstacle.BREAKER, resting.reason, resting.until))
            tokens, reserved = wish.output_tokens, Decimal(0)
            if not wish.price.free:
                tokens, reserved = self._reserve(connection, wish, call_key, now)
        if reserved:
            # The reservation has to be on disk before the call can be billed.
            make_durable(books.store)
        return _ticket(wish, call_key, tokens, reserved, known, now)

    def _take_place(self, connection: Connection, wish: Wish, call_key: str, now: datetime) -> None:
        books = self._books
        if not wish.uses_quota:
            check_running(lock_account(connection, books.account, for_update=False))
            return
        model = wish.candidate.model
        wait = quota.lease(connection, books.account, books.limits, call_key=call_key, model=model, now=now)
        if wait is not None:
            raise _Refused(Refusal(Obstacle.QUOTA, wait.reason, wait.until, wait.fault))

    def _reserve(
        self, connection: Connection, wish: Wish, call_key: str, now: datetime
    ) -> tuple[int, Decimal]:
        """Reserve the worst case; if the budget is too small, that of a shorter output."""
        caps = self._books.budgets
        tokens, why = wish.affordable_tokens(caps.call_usd), f"one call may cost {caps.call_usd} USD"
        for _ in range(2):
            if tokens < min(wish.output_tokens, LEAST_OUTPUT_TOKENS):
                break
            amount = wish.worst_case_usd(tokens)
            try:
                budget.reserve(
                    connection,
                    self._books.scopes(now),
                    amount,
                    reservation_id=call_key,
                    now=now,
                    attempt_id=self._books.attempt_id,
                    model=wish.candidate.model,
                )
            except DoesNotFit as error:
                why = str(error)
                tokens = min(tokens, wish.affordable_tokens(error.left_usd))
            else:
                return tokens, amount
        raise _Refused(Refusal(Obstacle.BUDGET, why, fault="budget_reached"))


# ----------------------------------------------------------------------------------------------------


class _Refused(Exception):
    """Rolls back the transaction."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def _ticket(
    wish: Wish,
    call_key: str,
    output_tokens: int,
    reserved_usd: Decimal,
    known: Mapping[str, Resting | None],
    now: datetime,
) -> Ticket:
    # A free model usually has a single provider, so none would be left without it.
    paid = wish.published is not None and not wish.published.free
    return Ticket(
        call_key=call_key,
        candidate=wish.candidate,
        price=wish.price,
        published=wish.published,
        output_tokens=output_tokens,
        reserved_usd=reserved_usd,
        ignored_providers=breakers.resting_providers(known, now=now) if paid else (),
        breakers=frozenset(known),
        started_at=now,
    )
