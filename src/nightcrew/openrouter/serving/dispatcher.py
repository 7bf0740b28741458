"""Serves one attempt's requests with the models of its plan: calls, settles, records, and rotates on a fault.

A request contains its whole conversation, so after a fault the next model gets the same request, and keeps
the conversation from then on. Every call is admitted first.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

from nightcrew.errors import BadInput, NightcrewError, Transient
from nightcrew.execution.assignment import DoorUsage
from nightcrew.execution.attempt import RecordCall, StopCause
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.account import stop_crew
from nightcrew.openrouter.books.admission import Admission
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.offline import go_offline
from nightcrew.openrouter.books.orphans import settle_orphans
from nightcrew.openrouter.books.settlement import Settlement
from nightcrew.openrouter.books.ticket import Obstacle, Refusal, Ticket, Wish
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.catalogue.todays_prices import TodaysPrices
from nightcrew.openrouter.serving.call_book import CallBook
from nightcrew.openrouter.serving.held_text import without_split_secrets
from nightcrew.openrouter.serving.model_calls import CallRules, ModelCalls
from nightcrew.openrouter.serving.rotation import Rotation, Shut, account_stopped, out_of_calls, store_down
from nightcrew.openrouter.serving.transcript import Transcript
from nightcrew.openrouter.wire.answers import Outcome, text_of
from nightcrew.openrouter.wire.chat_request import ChatRequest, read_request
from nightcrew.openrouter.wire.joined_stream import chunks_of
from nightcrew.openrouter.wire.live_stream import LiveStream
from nightcrew.openrouter.wire.prices import Price, price_of
from nightcrew.openrouter.wire.recovery import Rests, Row, row_of
from nightcrew.selection.candidates import Candidate

log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
MOST_HINTS = 3  # of one attempt about the form of answers; a model that needs more does not learn it


class Dispatcher:
    """Serves the calls of one attempt, best model first. Thread-safe.

    `record` is called for every call. If a folder `evidence` is given, the conversation is stored there.

    Raises (from `complete` and `stream`):
        BadInput: the request itself is invalid.
        BudgetReached: the budget or the number of calls is used up. AccountStopped: the crew is stopped.
        ModelUnfit: no model of the plan can serve this request. Transient: none can be reached now.
    """

    def __init__(
        self,
        api: OpenRouterApi,
        models: Sequence[Candidate],
        books: AttemptBooks,
        *,
        record: RecordCall,
        evidence: Path | None = None,
        rules: CallRules = CallRules(),  # noqa: B008 - frozen
    ) -> None:
        if not models:
            raise BadInput("an attempt needs at least one model")
        self.models = tuple(models)
        self._api, self._books, self._rules, self._record = api, books, rules, record
        self._catalogue = ModelCatalogue(books.store, api, clock=books.clock)
        self._prices = TodaysPrices(self._catalogue, [candidate.model for candidate in models])
        self._admission = Admission(books)
        transcript = Transcript(evidence) if evidence is not None else None
        self._book = CallBook(books.task_id, books.attempt_id, record, transcript)
        self._calls = ModelCalls(
            api=api,
            settlement=Settlement(books),
            book=self._book,
            rules=rules,
            clock=books.clock,
        )
        self._lock = threading.Lock()
        self._current = self.models[0]
        self._unfit: dict[str, str] = {}
        self._shut: NightcrewError | None = None
        self._idle = threading.Condition(self._lock)
        self._serving = 0
        self._hints = 0

    def open(self) -> None:
        """Settle what dead processes reserved and never settled, so that it blocks no budget."""
        settle_orphans(self._books.store, self._api, self._record, now=self._books.clock())

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an OpenAI-style chat request."""
        answer = self._served(body, stream=False)
        assert isinstance(answer, Outcome)
        return dict(answer.body or {})

    def stream(self, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The same answer in chunks, once a model has sent its first; iterate to the end or close it."""
        answer = self._served(body, stream=True)
        if isinstance(answer, Outcome):
            return chunks_of(answer.body or {})
        return without_split_secrets(iter(answer))

    def close(self) -> None:
        """End the attempt: cancel running calls and wait until they are settled."""
        with self._lock:
            self._shut = self._shut or Transient("the attempt is over")
        self._calls.cancel()
        # Each call is settled by its own thread; without this wait, its reservation stays until it expires.
        with self._idle:
            self._idle.wait_for(lambda: self._serving == 0, timeout=CLOSE_SECONDS)

    def usage(self) -> DoorUsage:
        """The attempt's usage so far."""
        return self._book.usage()

    def shut(self, reason: Shut) -> None:
        """Answer every request from now on with an error; the first reason is kept."""
        with self._lock:
            if self._shut is None:
                log.warning("attempt %s makes no more calls: %s", self._books.attempt_id, reason.stopped)
                self._shut = reason.error
                self._book.stop(reason.stopped, infrastructure=reason.infrastructure)
        if reason.stopped.cause is StopCause.OFFLINE:
            go_offline(self._books.store, self._api.account, reason.stopped.detail, clock=self._books.clock)

    # ------------------------------------------------------------------------------------------------

    def _served(self, body: Mapping[str, Any], *, stream: bool) -> Outcome | LiveStream:
        """The answer; a model whose call cannot be read is asked once more, with the reason."""
        answer = self._serve(read_request({**body, "stream": stream}))
        if not isinstance(answer, Outcome) or not answer.hint or self._hints >= MOST_HINTS:
            return answer
        self._hints += 1
        unread = {"role": "assistant", "content": text_of(answer.body or {})}
        messages = [*body["messages"], unread, {"role": "user", "content": answer.hint}]
        request = read_request({**body, "stream": stream, "messages": messages})
        return self._serve(replace(request, hinted=True))

    def _serve(self, request: ChatRequest) -> Outcome | LiveStream:
        """Call one model after the other until one answers."""
        rotation = Rotation(
            self.models, self._current, self._unfit, request, sleep=self._rules.sleep, clock=self._books.clock
        )
        with self._lock:
            self._serving += 1
        try:
            return self._rotate(rotation, request)
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

    def _rotate(self, rotation: Rotation, request: ChatRequest) -> Outcome | LiveStream:
        while True:
            ticket = self._next_ticket(request, rotation)
            answer = self._calls.ask(ticket, request)
            if isinstance(answer, LiveStream) or answer.row is None:
                self._current = ticket.candidate
                return answer
            self._after_fault(ticket, answer, rotation)

    def _next_ticket(self, request: ChatRequest, rotation: Rotation) -> Ticket:
        """The ticket for the next call, after a short wait if needed. Raises Shut if there is none."""
        while True:
            self._check_open()
            refusals: list[Refusal] = []
            published = self._prices.read()
            for candidate in rotation.candidates():
                admitted = self._admit(candidate, published, request)
                if isinstance(admitted, Ticket):
                    return admitted
                refusals.append(admitted)
            rotation.wait_or_give_up(refusals)

    def _admit(
        self, candidate: Candidate, published: Mapping[str, Price], request: ChatRequest
    ) -> Ticket | Refusal:
        price = price_of(candidate, published, self._books.budgets.unknown_price_usd)
        if price is None:
            return Refusal(Obstacle.PRICE, f"no price is known for {candidate.model}", fault="price_unknown")
        return self._admission.admit(Wish(candidate, request, price, published.get(candidate.model)))

    def _check_open(self) -> None:
        if self._shut is not None:
            raise self._shut
        if self._books.budgets.calls is not None and self._book.calls >= self._books.budgets.calls:
            raise out_of_calls(self._books.budgets.calls)

    def _after_fault(self, ticket: Ticket, outcome: Outcome, rotation: Rotation) -> None:
        row = outcome.row
        assert row is not None
        model = ticket.candidate.model
        log.warning("attempt %s: %s failed: %s", self._books.attempt_id, model, outcome.message)
        if row.rests is Rests.CREW:
            self._stop_the_crew(row, outcome)
        if row.rests is Rests.GONE and ticket.ignored_providers:
            # We excluded providers ourselves, so that none was left says nothing about the model.
            outcome = replace(outcome, row=row_of("provider_overloaded"))
        elif row.rests is Rests.GONE:
            self._catalogue.mark_gone(model, outcome.message)
        elif row.fault == "price_rose" and rotation.may_ask_anew(model) and self._price_has_changed(ticket):
            return
        rotation.after_fault(ticket.candidate, outcome)

    def _price_has_changed(self, ticket: Ticket) -> bool:
        """Refresh the prices; True if the model's price has changed, so that the call can be repeated."""
        return self._prices.read_anew().get(ticket.candidate.model) != ticket.published

    def _stop_the_crew(self, row: Row, outcome: Outcome) -> None:
        """Stop the crew, unless the account does not confirm the 401: then it was one provider's mistake."""
        if row.fault == "unauthorized" and self._api.key_is_accepted():
            return
        message = f"the provider refuses the account ({row.seen_as}): {outcome.trouble.message}"
        stop_crew(
            self._books.store, self._api.account, fault=row.fault, message=message, clock=self._books.clock
        )
        raise account_stopped(message)
