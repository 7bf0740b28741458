"""Makes admitted calls: each is sent, read, settled and recorded, however it ends."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from nightcrew.execution.attempt import Rescue
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.settlement import Settlement
from nightcrew.openrouter.books.ticket import Ticket
from nightcrew.openrouter.rescue.kinds import RescueKind
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.rescue import rescued
from nightcrew.openrouter.serving.call_book import CallBook
from nightcrew.openrouter.wire.answers import Outcome, cost_of, first_choice, from_no_reply, from_reply
from nightcrew.openrouter.wire.chat_request import ChatRequest, outgoing
from nightcrew.openrouter.wire.exchange import Cancellation, NoReply
from nightcrew.openrouter.wire.joined_stream import joined
from nightcrew.openrouter.wire.live_stream import LiveStream, begin_stream
from nightcrew.openrouter.wire.recovery import Rests, row_of
from nightcrew.openrouter.wire.replies import Reply
from nightcrew.settings import DataPolicy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallRules:
    """How an attempt's calls are made."""

    data_policy: DataPolicy = DataPolicy.ANY
    seconds: float = 180.0  # wall-clock limit of one upstream call
    sleep: Callable[[float], None] = time.sleep  # between two of them


class ModelCalls:
    """The calls of one attempt; thread-safe."""

    def __init__(
        self,
        *,
        api: OpenRouterApi,
        settlement: Settlement,
        book: CallBook,
        rules: CallRules,
        clock: Callable[[], datetime],
    ) -> None:
        self._api, self._settlement, self._book = api, settlement, book
        self._rules, self._clock = rules, clock
        self._cancellation = Cancellation()

    def cancel(self) -> None:
        """Cancel running calls, and all later ones."""
        self._cancellation.cancel()

    def ask(self, ticket: Ticket, request: ChatRequest) -> Outcome | LiveStream:
        """Make a call. A live stream is settled when it ends; an outcome is settled already."""
        sequence = self._book.begin()
        body = outgoing(
            request,
            ticket.candidate.model,
            output_tokens=ticket.output_tokens,
            published=ticket.published,
            ignored_providers=ticket.ignored_providers,
            data_policy=self._rules.data_policy,
            structured=ticket.candidate.structured,
        )
        started = time.monotonic()

        def finish(outcome: Outcome) -> None:
            self._finish(ticket, outcome, request, sequence=sequence, started=started)

        def name(generation_id: str) -> None:
            if ticket.reserved_usd:
                self._settlement.note_generation(ticket, generation_id)

        answer = self._exchange(body, request, started, finish, name)
        if isinstance(answer, LiveStream):
            return answer
        if answer.row is not None and answer.row.rests is Rests.FREE_MODELS and not ticket.uses_quota:
            # A limit of another service, whatever headers it sends, is not the quota of free models.
            answer = replace(answer, row=row_of("upstream_rate_limit"))
        finish(answer)
        return answer

    def _exchange(
        self,
        body: Mapping[str, Any],
        request: ChatRequest,
        started: float,
        finish: Callable[[Outcome], None],
        on_name: Callable[[str], None],
    ) -> Outcome | LiveStream:
        offered = Offered.by(request.parameters)
        limits: dict[str, Any] = {
            "wall_seconds": self._rules.seconds,
            "cancellation": self._cancellation,
            "on_name": on_name,
        }
        try:
            if not request.streamed:
                return self._read(self._api.chat(body, **limits), offered, request.hinted)
            stream = self._api.stream(body, **limits)
            if not offered:
                return begin_stream(stream, now=self._clock(), started=started, on_end=finish)
            first_ms: list[float] = []
            reply = joined(stream, lambda: first_ms.append((time.monotonic() - started) * 1000))
            outcome = self._read(reply, offered, request.hinted)
            return replace(outcome, first_token_ms=first_ms[0] if first_ms else None)
        except NoReply as error:
            return from_no_reply(error)
        except Exception as error:
            # The call was made, so it has to be settled and recorded after any error.
            log.exception("a call failed with an unexpected error")
            return from_no_reply(NoReply("connection_lost", type(error).__name__, sent=True))

    def _read(self, reply: Reply, offered: Offered, hinted: bool) -> Outcome:
        """The outcome of a whole reply, with its form repaired."""
        if reply.failed or reply.body is None:
            return from_reply(reply, now=self._clock())
        repaired = rescued(reply.body, offered)
        if repaired.body is reply.body and not repaired.rescues and not hinted:
            return from_reply(reply, now=self._clock())
        outcome = from_reply(replace(reply, body=dict(repaired.body)), now=self._clock())
        rescues = repaired.rescues
        if hinted:
            called = bool((first_choice(repaired.body).get("message") or {}).get("tool_calls"))
            rescues = (*rescues, Rescue(RescueKind.HINT, called))
        reason = first_choice(reply.body).get("finish_reason")
        return replace(
            outcome,
            rescues=rescues,
            hint=repaired.hint,
            original=reply.body if repaired.body is not reply.body else None,
            finish_reason=reason if isinstance(reason, str) else None,
        )

    def _finish(
        self, ticket: Ticket, outcome: Outcome, request: ChatRequest, *, sequence: int, started: float
    ) -> None:
        """Record and settle one call. Recorded first, it is in the ledger wherever this process is killed.

        What could not be settled is settled as the call of a process that has ended, and counted once.
        """
        duration_ms = (time.monotonic() - started) * 1000
        cost_usd = cost_of(outcome, ticket.price, ticket.published is not None)
        if cost_usd is None and outcome.generation_id and ticket.published is not None:
            cost_usd = self._api.cost_of_generation(outcome.generation_id)
        unwritten: OSError | None = None
        try:
            unwritten = self._book.enter(
                ticket,
                outcome,
                sequence=sequence,
                duration_ms=duration_ms,
                cost_usd=cost_usd,
                charged_usd=ticket.reserved_usd if cost_usd is None else cost_usd,
                request=request.parameters,
                streamed=request.streamed,
            )
        finally:
            self._settlement.settle(ticket, outcome, cost_usd, is_recorded=unwritten is None)
