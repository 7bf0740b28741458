"""The calls of one attempt: numbered, recorded and summed up. Thread-safe."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Any

from nightcrew.execution.assignment import DoorUsage
from nightcrew.execution.attempt import ModelCall, RecordCall, Stopped
from nightcrew.openrouter.books.ticket import Ticket
from nightcrew.openrouter.serving.transcript import Transcript
from nightcrew.openrouter.wire.answers import Outcome


class CallBook:
    """Passes every call to `record`, failed ones too, and its texts to the transcript."""

    def __init__(
        self, task_id: str, attempt_id: str, record: RecordCall, transcript: Transcript | None
    ) -> None:
        self._task_id, self._attempt_id = task_id, attempt_id
        self._record, self._transcript = record, transcript
        self._lock = threading.Lock()
        self._sequence = 0
        self._usage = DoorUsage(0, 0, 0, Decimal(0), (), None, False)

    @property
    def calls(self) -> int:
        """The number of calls started."""
        return self._sequence

    def usage(self) -> DoorUsage:
        """The total usage of all ended calls."""
        with self._lock:
            return self._usage

    def begin(self) -> int:
        """The number of the next call."""
        with self._lock:
            self._sequence += 1
            return self._sequence

    def stop(self, stopped: Stopped, *, infrastructure: bool) -> None:
        """Store the reason why there will be no more calls."""
        with self._lock:
            self._usage = replace(self._usage, stopped=stopped, infrastructure=infrastructure)

    def enter(
        self,
        ticket: Ticket,
        outcome: Outcome,
        *,
        sequence: int,
        duration_ms: float,
        cost_usd: Decimal | None,
        charged_usd: Decimal,
        request: Mapping[str, Any],
        streamed: bool,
    ) -> OSError | None:
        """Enter an ended call; costs are `cost_usd` as reported, and `charged_usd` to the budget.

        Gives the error that keeps the record from the disk for now.
        """
        self._add(ticket, outcome, charged_usd)
        call = self._model_call(ticket, outcome, sequence, duration_ms, cost_usd, streamed)
        if self._transcript is not None:
            self._transcript.write(call, request, outcome)
        return self._record(call)

    # ------------------------------------------------------------------------------------------------

    def _add(self, ticket: Ticket, outcome: Outcome, charged_usd: Decimal) -> None:
        used = outcome.usage
        served = outcome.served_model or ticket.candidate.model
        with self._lock:
            known = self._usage
            new = (served,) if outcome.row is None and served not in known.models_served else ()
            self._usage = replace(
                known,
                calls=known.calls + 1,
                input_tokens=known.input_tokens + (used.input_tokens if used else 0),
                output_tokens=known.output_tokens + (used.output_tokens if used else 0),
                cost_usd=known.cost_usd + charged_usd,
                models_served=known.models_served + new,
            )

    def _model_call(
        self,
        ticket: Ticket,
        outcome: Outcome,
        sequence: int,
        duration_ms: float,
        cost_usd: Decimal | None,
        streamed: bool,
    ) -> ModelCall:
        used, rate = outcome.usage, ticket.price.rates[0]
        return ModelCall(
            call_id=f"{self._attempt_id}:{sequence}",
            attempt_id=self._attempt_id,
            task_id=self._task_id,
            sequence=sequence,
            asked_model=ticket.candidate.model,
            served_model=outcome.served_model,
            provider=outcome.provider or outcome.trouble.provider,
            started_at=ticket.started_at,
            duration_ms=duration_ms,
            first_token_ms=outcome.first_token_ms,
            http_status=outcome.http_status,
            input_tokens=used.input_tokens if used else 0,
            output_tokens=used.output_tokens if used else 0,
            cached_tokens=used.cached_tokens if used else 0,
            reasoning_tokens=used.reasoning_tokens if used else 0,
            cost_usd=cost_usd,
            input_price_usd=rate.prompt,
            output_price_usd=rate.completion,
            finish_reason=outcome.finish_reason,
            fault=outcome.row.fault if outcome.row else None,
            generation_id=outcome.generation_id,
            streamed=streamed,
            quota_window=_day(ticket) if ticket.uses_quota else None,
            rescues=outcome.rescues or None,
        )


def _day(ticket: Ticket) -> str:
    return f"{ticket.started_at.astimezone(UTC):%Y-%m-%d}"
