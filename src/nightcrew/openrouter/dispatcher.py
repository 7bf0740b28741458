"""Serves one attempt's requests with the models of its plan: asks, settles, records, and rotates on a fault.

A conversation lives in its requests, so the next model simply gets the same one and the attempt goes on. The
model that took over keeps the conversation. Nothing is asked that was not admitted first.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

from nightcrew.errors import BadInput, NightcrewError, Transient
from nightcrew.execution.assignment import DoorUsage
from nightcrew.execution.attempt import RecordCall
from nightcrew.openrouter.account import stop_crew
from nightcrew.openrouter.admission import Admission, Refusal, Ticket
from nightcrew.openrouter.answers import Outcome, cost_of, from_no_reply, from_reply
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.budget import Budgets
from nightcrew.openrouter.call_book import CallBook
from nightcrew.openrouter.catalogue import ModelCatalogue
from nightcrew.openrouter.chat_request import ChatRequest, outgoing, read_request
from nightcrew.openrouter.exchange import Cancellation, NoReply
from nightcrew.openrouter.live_stream import LiveStream, begin_stream
from nightcrew.openrouter.prices import Price, price_of
from nightcrew.openrouter.quota import QuotaLimits
from nightcrew.openrouter.recovery import Rests, Row, row_of
from nightcrew.openrouter.transcript import Transcript
from nightcrew.openrouter.walk import Shut, Walk, account_stopped, out_of_calls, store_down
from nightcrew.queue.state_store import StateStore
from nightcrew.selection.candidates import Candidate
from nightcrew.settings import DataPolicy

log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
CATALOGUE_SECONDS = 60.0  # how long prices read from the store are good for


class Dispatcher:
    """The models of one attempt behind one door. Thread-safe.

    Raises (from `complete` and `stream`):
        BadInput: the request itself cannot be sent anywhere.
        BudgetReached: money or the number of calls is used up. AccountStopped: the crew is stopped.
        ModelUnfit: no model of the plan can take this request. Transient: none can be reached now.
    """

    def __init__(
        self,
        *,
        api: OpenRouterApi,
        store: StateStore,
        task_id: str,
        attempt_id: str,
        models: Sequence[Candidate],
        budgets: Budgets,
        record: RecordCall,
        evidence: Path | None,
        data_policy: DataPolicy,
        limits: QuotaLimits,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        call_seconds: float,
    ) -> None:
        if not models:
            raise BadInput("an attempt needs at least one model")
        self._api, self._store, self._attempt_id = api, store, attempt_id
        transcript = Transcript(evidence, redact_key=api.redact) if evidence is not None else None
        self._book = CallBook(task_id=task_id, attempt_id=attempt_id, record=record, transcript=transcript)
        self._models, self._budgets, self._data_policy = tuple(models), budgets, data_policy
        self._clock, self._sleep, self._call_seconds = clock, sleep, call_seconds
        self._catalogue = ModelCatalogue(store, api, clock=clock)
        self._admission = Admission(
            store,
            account=api.account,
            task_id=task_id,
            attempt_id=attempt_id,
            budgets=budgets,
            limits=limits,
            clock=clock,
        )
        self._lock = threading.Lock()
        self._current = self._models[0]
        self._unfit: dict[str, str] = {}
        self._published: dict[str, Price] = {}
        self._published_at = float("-inf")
        self._shut: NightcrewError | None = None
        self._cancellation = Cancellation()
        self._idle = threading.Condition(self._lock)
        self._serving = 0

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        request = read_request({**body, "stream": False})
        answer = self._serve(request)
        assert isinstance(answer, Outcome)
        return dict(answer.body or {})

    def stream(self, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The chunks of an answer; returns once a model has begun to say something."""
        answer = self._serve(read_request({**body, "stream": True}))
        assert isinstance(answer, LiveStream)
        return iter(answer)

    def close(self) -> None:
        """The attempt is over: gives up what is still running and waits until that is in the books."""
        with self._lock:
            self._shut = self._shut or Transient("the attempt is over")
        self._cancellation.cancel()
        with self._idle:
            self._idle.wait_for(lambda: self._serving == 0, timeout=CLOSE_SECONDS)

    def usage(self) -> DoorUsage:
        """What the attempt has used so far."""
        return self._book.usage()

    def shut(self, reason: Shut) -> None:
        """Answers everything from now on with an error; the first reason stays."""
        with self._lock:
            if self._shut is None:
                log.warning("attempt %s makes no more calls: %s", self._attempt_id, reason.stopped)
                self._shut = reason.error
                self._book.stop(reason.stopped, infrastructure=reason.infrastructure)

    # ------------------------------------------------------------------------------------------------

    def _serve(self, request: ChatRequest) -> Outcome | LiveStream:
        """Asks one model after the other until one answers."""
        walk = Walk(self._models, self._current, self._unfit, request, sleep=self._sleep, clock=self._clock)
        with self._lock:
            self._serving += 1
        try:
            return self._walk(walk, request)
        except OperationalError as error:
            self.shut(store_down(error))
        except Shut as reason:
            self.shut(reason)
        finally:
            with self._idle:
                self._serving -= 1
                self._idle.notify_all()
        assert self._shut is not None
        raise self._shut

    def _walk(self, walk: Walk, request: ChatRequest) -> Outcome | LiveStream:
        while True:
            ticket = self._next_ticket(request, walk)
            answer = self._ask(ticket, request)
            if isinstance(answer, LiveStream) or answer.row is None:
                self._current = ticket.candidate
                return answer
            self._after_fault(ticket, answer, walk)

    def _next_ticket(self, request: ChatRequest, walk: Walk) -> Ticket:
        """The right to make the next call, waited for where that is short. Raises Shut if there is none."""
        while True:
            self._check_open()
            refusals: list[Refusal] = []
            published = self._prices()
            for candidate in walk.candidates():
                price = price_of(candidate, published, self._budgets.unknown_price_usd)
                admitted = self._admission.admit(candidate, price, published.get(candidate.model), request)
                if isinstance(admitted, Ticket):
                    return admitted
                refusals.append(admitted)
            walk.wait_or_give_up(refusals)

    def _check_open(self) -> None:
        if self._shut is not None:
            raise self._shut
        if self._budgets.calls is not None and self._book.calls >= self._budgets.calls:
            raise out_of_calls(self._budgets.calls)

    def _prices(self) -> dict[str, Price]:
        """Today's published prices of the plan's models, never older than a minute."""
        if time.monotonic() - self._published_at > CATALOGUE_SECONDS:
            published = self._catalogue.published_prices(candidate.model for candidate in self._models)
            for model, price in published.items():
                if self._published and self._published.get(model) != price:
                    log.warning("the price of %s has changed", model)
            self._published, self._published_at = published, time.monotonic()
        return self._published

    def _ask(self, ticket: Ticket, request: ChatRequest) -> Outcome | LiveStream:
        sequence = self._book.begin()
        body = outgoing(
            request,
            ticket.candidate.model,
            output_tokens=ticket.output_tokens,
            published=ticket.published,
            ignored_providers=ticket.ignored_providers,
            data_policy=self._data_policy,
        )
        started = time.monotonic()

        def finish(outcome: Outcome) -> None:
            self._finish(ticket, outcome, request, sequence=sequence, started=started)

        answer = self._exchange(body, request.streamed, started, finish)
        if isinstance(answer, LiveStream):
            return answer
        if answer.row is not None and answer.row.rests is Rests.FREE_MODELS and not ticket.uses_quota:
            # Some other service's limit, whatever headers it sends: not the quota of free models.
            answer = replace(answer, row=row_of("upstream_rate_limit"))
        finish(answer)
        return answer

    def _exchange(
        self, body: Mapping[str, Any], streamed: bool, started: float, finish: Callable[[Outcome], None]
    ) -> Outcome | LiveStream:
        try:
            if streamed:
                stream = self._api.stream(
                    body, wall_seconds=self._call_seconds, cancellation=self._cancellation
                )
                return begin_stream(stream, now=self._clock(), started=started, on_end=finish)
            reply = self._api.chat(body, wall_seconds=self._call_seconds, cancellation=self._cancellation)
            return from_reply(reply, now=self._clock())
        except NoReply as error:
            return from_no_reply(error)
        except Exception as error:
            # Whatever it is, the call was made: it has to be settled and recorded.
            log.exception("a call failed in a way nobody thought of")
            return from_no_reply(NoReply("connection_lost", type(error).__name__, sent=True))

    def _finish(
        self, ticket: Ticket, outcome: Outcome, request: ChatRequest, *, sequence: int, started: float
    ) -> None:
        """Settles and records one call; the record is made even if the books cannot be."""
        duration_ms = (time.monotonic() - started) * 1000
        cost_usd = cost_of(outcome, ticket.price, ticket.published is not None)
        if cost_usd is None and outcome.generation_id and ticket.published is not None:
            cost_usd = self._api.cost_of_generation(outcome.generation_id)
        charged_usd = ticket.reserved_usd if cost_usd is None else cost_usd
        try:
            charged_usd = self._admission.settle(ticket, outcome, cost_usd)
        finally:
            self._book.enter(
                ticket,
                outcome,
                sequence=sequence,
                duration_ms=duration_ms,
                cost_usd=cost_usd,
                charged_usd=charged_usd,
                request=request.parameters,
                streamed=request.streamed,
            )

    def _after_fault(self, ticket: Ticket, outcome: Outcome, walk: Walk) -> None:
        row = outcome.row
        assert row is not None
        model = ticket.candidate.model
        log.warning("attempt %s: %s failed: %s", self._attempt_id, model, outcome.message)
        if row.rests is Rests.CREW:
            self._stop_the_crew(row, outcome)
        if row.rests is Rests.GONE and ticket.ignored_providers:
            # We left providers out ourselves; that none remained says nothing about the model.
            outcome = replace(outcome, row=row_of("provider_overloaded"))
        elif row.rests is Rests.GONE:
            self._catalogue.mark_gone(model, outcome.message)
        elif row.fault == "price_rose" and walk.may_ask_anew(model) and self._price_has_changed(ticket):
            return
        walk.after_fault(ticket.candidate, outcome)

    def _price_has_changed(self, ticket: Ticket) -> bool:
        """Reads the catalogue anew; True if it has another price now, at which to ask again."""
        self._catalogue.refresh()
        self._published_at = float("-inf")
        return self._prices().get(ticket.candidate.model) != ticket.published

    def _stop_the_crew(self, row: Row, outcome: Outcome) -> None:
        """Unless it is a 401 that the account does not confirm: then it was one provider's mistake."""
        if row.fault == "unauthorized" and self._api.key_is_accepted():
            return
        message = f"the provider refuses the account ({row.seen_as}): {outcome.trouble.message}"
        stop_crew(self._store, self._api.account, fault=row.fault, message=message, clock=self._clock)
        raise account_stopped(message)
