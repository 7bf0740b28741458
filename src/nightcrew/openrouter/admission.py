"""One transaction before each call and one after it: quota, breakers and money, in this order of locks.

Before: account running, a place in the quota, a closed breaker, the worst case reserved; all of it or none.
After: what was learned, who rests, what it cost.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import Connection

from nightcrew.openrouter import breakers, budget, quota, usual_case
from nightcrew.openrouter.account import check_running, lock_account, make_durable
from nightcrew.openrouter.answers import Outcome
from nightcrew.openrouter.breakers import SHORT_RETRY_AFTER_SECONDS, Fault, Resting, model_key, provider_key
from nightcrew.openrouter.budget import Budgets, DoesNotFit
from nightcrew.openrouter.chat_request import (
    LEAST_OUTPUT_TOKENS,
    ChatRequest,
    affordable_output,
    output_bound,
    prompt_bound,
)
from nightcrew.openrouter.prices import Price
from nightcrew.openrouter.quota import QuotaLimits
from nightcrew.openrouter.recovery import Charged, Rests, Row
from nightcrew.queue.state_store import StateStore
from nightcrew.selection.candidates import Candidate

log = logging.getLogger(__name__)

# These rest a model at the first occurrence: the other side has said that more calls are useless now.
_REST_AT_ONCE = frozenset({"upstream_rate_limit"})
# These say something about the provider, whichever of its models was asked.
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


class Obstacle(StrEnum):
    """What kept a call from being made."""

    QUOTA = "quota"
    BREAKER = "resting"
    BUDGET = "budget"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Refusal:
    """No call to this model now; `until` None: waiting does not help."""

    obstacle: Obstacle
    reason: str
    until: datetime | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to make one call, with everything that was set aside for it."""

    call_key: str
    candidate: Candidate
    price: Price
    published: Price | None  # the catalogue's price, None at a plain endpoint
    output_tokens: int
    reserved_usd: Decimal
    ignored_providers: tuple[str, ...]
    breakers: frozenset[str]  # that have a record of faults
    started_at: datetime

    @property
    def uses_quota(self) -> bool:
        """True if it counts against the account's free calls."""
        return self.published is not None and self.published.free


class Admission:
    """Admits and settles the calls of one attempt."""

    def __init__(
        self,
        store: StateStore,
        *,
        account: str,
        task_id: str,
        attempt_id: str,
        budgets: Budgets,
        limits: QuotaLimits,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._account = account
        self._task_id = task_id
        self._attempt_id = attempt_id
        self._budgets = budgets
        self._limits = limits
        self._clock = clock

    def admit(
        self, candidate: Candidate, price: Price | None, published: Price | None, request: ChatRequest
    ) -> Ticket | Refusal:
        """A ticket, or why there is none.

        Raises:
            AccountStopped: the whole crew is stopped.
        """
        if price is None:
            return Refusal(Obstacle.PRICE, f"no price is known for {candidate.model}", fault="price_unknown")
        try:
            ticket = self._usual_case(candidate, price, published, request)
            return ticket or self._long_way(candidate, price, published, request)
        except _Refused as refused:
            return refused.refusal

    def settle(self, ticket: Ticket, outcome: Outcome, cost_usd: Decimal | None) -> Decimal:
        """Closes a call's books and returns what it is charged with, in USD."""
        now, surprise = self._clock(), cost_usd if not ticket.reserved_usd else None
        if outcome.row is not None or ticket.breakers or surprise:
            self._note(ticket, outcome, surprise, now)
        if not ticket.reserved_usd:
            return surprise or Decimal(0)
        return budget.settle(self._store, ticket.call_key, cost_usd=cost_usd, now=now)

    def _note(self, ticket: Ticket, outcome: Outcome, surprise_usd: Decimal | None, now: datetime) -> None:
        """What a call taught about quota and models, and what it cost although it was free."""
        row = outcome.row
        with self._store.engine.begin() as connection:
            if ticket.uses_quota and outcome.http_status is None and not outcome.may_have_cost:
                quota.release(connection, self._account, ticket.call_key)
            if row is not None and row.rests is Rests.FREE_MODELS:
                quota.learn_from_refusal(
                    connection,
                    self._account,
                    self._limits,
                    fault=row.fault,
                    trouble=outcome.trouble,
                    now=now,
                )
            self._tell_breakers(connection, ticket, outcome, now)
            if surprise_usd:
                # A call that was free by the catalogue and was billed all the same is charged all the same.
                log.error("%s was free and cost %s USD", ticket.candidate.model, surprise_usd)
                budget.charge(
                    connection, self._scopes(now), surprise_usd, reservation_id=ticket.call_key, now=now
                )

    def _tell_breakers(self, connection: Connection, ticket: Ticket, outcome: Outcome, now: datetime) -> None:
        row, keys = outcome.row, [model_key(ticket.candidate.model)]
        provider = outcome.provider or outcome.trouble.provider
        if provider and ticket.published is not None and (row is None or row.fault in _OF_THE_PROVIDER):
            keys.append(provider_key(provider))
        if row is None:
            if recorded := ticket.breakers.intersection(keys):
                breakers.record_answer(connection, self._account, sorted(recorded), now=now)
        elif row.charged is Charged.PROVIDER and row.rests is Rests.MODEL:
            for key in keys:
                fault = _breaker_fault(key, row, outcome.trouble.retry_after_seconds)
                breakers.record_fault(connection, self._account, key, fault, now=now)
        else:
            breakers.give_back_probe(connection, self._account, keys[0], call_key=ticket.call_key)

    def _usual_case(
        self, candidate: Candidate, price: Price, published: Price | None, request: ChatRequest
    ) -> Ticket | None:
        now, call_key, model = self._clock(), uuid.uuid4().hex, candidate.model
        reserved = Decimal(0)
        output_tokens = output_bound(request, candidate)
        if published is not None and published.free:
            taken = usual_case.take_place(
                self._store, self._account, self._limits, call_key=call_key, model=model, now=now
            )
        else:
            if not price.free:
                output_tokens = self._affordable(candidate, price, request)
                if output_tokens < min(output_bound(request, candidate), LEAST_OUTPUT_TOKENS):
                    return None
                reserved = _worst_case(candidate, price, request, output_tokens)
            scopes = self._scopes(now) if reserved else {}
            taken = usual_case.set_aside(
                self._store, self._account, scopes, reserved, call_key=call_key, model=model, now=now
            )
        if taken is None:
            return None
        return self._ticket(
            call_key, candidate, price, published, output_tokens, reserved, taken.breakers, now
        )

    def _long_way(
        self, candidate: Candidate, price: Price, published: Price | None, request: ChatRequest
    ) -> Ticket:
        now, call_key = self._clock(), uuid.uuid4().hex
        with self._store.engine.begin() as connection:
            if published is None or not published.free:
                check_running(lock_account(connection, self._account, for_update=False))
            else:
                wait = quota.lease(
                    connection, self._account, self._limits, call_key=call_key, model=candidate.model, now=now
                )
                if wait is not None:
                    raise _Refused(Refusal(Obstacle.QUOTA, wait.reason, wait.until, wait.fault))
            known = breakers.read_breakers(connection, self._account, candidate.model)
            resting = breakers.admit(
                connection,
                self._account,
                known.get(model_key(candidate.model)),
                call_key=call_key,
                now=now,
            )
            if resting is not None:
                raise _Refused(Refusal(Obstacle.BREAKER, resting.reason, resting.until))
            output_tokens, reserved = output_bound(request, candidate), Decimal(0)
            if not price.free:
                output_tokens, reserved = self._reserve(
                    lambda amount: budget.reserve(
                        connection, self._scopes(now), amount, reservation_id=call_key, now=now
                    ),
                    candidate,
                    price,
                    request,
                )
        if reserved:
            # The money has to be in the books, come what may, before the call can be billed.
            make_durable(self._store)
        return self._ticket(call_key, candidate, price, published, output_tokens, reserved, known, now)

    def _ticket(
        self,
        call_key: str,
        candidate: Candidate,
        price: Price,
        published: Price | None,
        output_tokens: int,
        reserved_usd: Decimal,
        known: Mapping[str, Resting | None],
        now: datetime,
    ) -> Ticket:
        # A free model has one provider as a rule: without that one there would be none.
        paid = published is not None and not published.free
        return Ticket(
            call_key=call_key,
            candidate=candidate,
            price=price,
            published=published,
            output_tokens=output_tokens,
            reserved_usd=reserved_usd,
            ignored_providers=breakers.resting_providers(known, now=now) if paid else (),
            breakers=frozenset(known),
            started_at=now,
        )

    def _affordable(self, candidate: Candidate, price: Price, request: ChatRequest) -> int:
        """How many tokens of output the cap of a single call pays for."""
        if self._budgets.call_usd is None:
            return output_bound(request, candidate)
        return affordable_output(request, candidate, price, self._budgets.call_usd)

    def _reserve(
        self,
        set_aside: Callable[[Decimal], None],
        candidate: Candidate,
        price: Price,
        request: ChatRequest,
    ) -> tuple[int, Decimal]:
        """Sets the worst case aside; where that does not fit, that of the output that can be paid for."""
        wanted, tokens = output_bound(request, candidate), self._affordable(candidate, price, request)
        why = f"one call may cost {self._budgets.call_usd} USD"
        for _ in range(2):
            if tokens < min(wanted, LEAST_OUTPUT_TOKENS):
                break
            amount = _worst_case(candidate, price, request, tokens)
            try:
                set_aside(amount)
            except DoesNotFit as error:
                why = str(error)
                tokens = min(tokens, affordable_output(request, candidate, price, error.left_usd))
            else:
                return tokens, amount
        raise _Refused(Refusal(Obstacle.BUDGET, why, fault="budget_reached"))

    def _scopes(self, now: datetime) -> dict[str, Decimal]:
        return budget.scopes_of(self._budgets, task_id=self._task_id, attempt_id=self._attempt_id, now=now)


# ----------------------------------------------------------------------------------------------------


class _Refused(Exception):
    """Rolls the transaction back."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def _worst_case(candidate: Candidate, price: Price, request: ChatRequest, output_tokens: int) -> Decimal:
    return price.worst_case(prompt_tokens=prompt_bound(request, candidate), output_tokens=output_tokens)


def _breaker_fault(key: str, row: Row, asked_seconds: float | None) -> Fault:
    if key.startswith("provider:"):
        return Fault(row.fault)
    if asked_seconds is None:
        return Fault(row.fault, at_once=row.fault in _REST_AT_ONCE)
    return Fault(row.fault, asked_seconds, asked_seconds > SHORT_RETRY_AFTER_SECONDS)
