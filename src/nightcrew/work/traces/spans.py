"""The spans of one task: the task, its attempts, and their model calls and gates.

They are made from what is recorded anyway, so that nothing has to be measured for them. Calls have the names
of OpenTelemetry's conventions for generative AI. No span has prompts, answers, code or a task's description.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nightcrew.execution.attempt import Attempt
from nightcrew.queue.task_table import QueuedTask
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict

if TYPE_CHECKING:
    from nightcrew.ledger.ledger import Row  # it loads DuckDB, which neither the worker nor a run needs

type Value = str | int | float | bool | Sequence[str]


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time; `key` and `parent` are unique in a crew, and the same in every process."""

    key: str
    parent: str | None
    name: str
    started_at: datetime
    ended_at: datetime
    is_call: bool = False  # to another service
    error: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_at - self.started_at).total_seconds()


def task_spans(queued: QueuedTask, now: datetime) -> Iterator[Span]:
    """The span of the whole task, from its submission to its end, or until `now`, and of its first wait."""
    yield Span(
        key=queued.task_id,
        parent=None,
        name=f"task {queued.task.task_type}",
        started_at=queued.submitted_at,
        ended_at=queued.ended_at or now,
        error=str(queued.failure_reason) if queued.failure_reason else None,
        attributes={
            "nightcrew.task.id": queued.task_id,
            "nightcrew.task.type": str(queued.task.task_type),
            "nightcrew.task.priority": str(queued.task.priority),
            "nightcrew.task.status": str(queued.status),
            "nightcrew.task.cost_usd": float(queued.cost_usd),
        },
    )
    yield Span(
        key=f"{queued.task_id}/queue",
        parent=queued.task_id,
        name="wait in the queue",
        started_at=queued.submitted_at,
        ended_at=queued.started_at or queued.ended_at or now,
    )


def attempt_spans(attempt: Attempt, verdict: Verdict | None, calls: "Iterable[Row]") -> Iterator[Span]:
    """The spans of an attempt, of its calls (rows of the ledger's `model_calls`) and of its gates."""
    calls = list(calls)  # the first, which only tries the model, may come before the attempt
    gates = [gate for gate in (verdict.gates if verdict else ()) if gate.began]
    ends = (datetime.fromtimestamp(gate.began + gate.seconds, UTC) for gate in gates)
    kind = str(verdict.kind) if verdict else "none"
    yield Span(
        key=attempt.attempt_id,
        parent=attempt.task_id,
        name=f"invoke_agent {attempt.executor}",
        started_at=min([attempt.started_at, *(call["started_at"] for call in calls)]),
        ended_at=max(ends, default=attempt.ended_at),
        error=str(attempt.end) if attempt.end.is_fault else None,
        attributes={
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": str(attempt.executor),
            "gen_ai.request.model": attempt.model,
            "gen_ai.usage.input_tokens": attempt.input_tokens,
            "gen_ai.usage.output_tokens": attempt.output_tokens,
            "nightcrew.attempt.number": attempt.number,
            "nightcrew.attempt.end": str(attempt.end),
            "nightcrew.attempt.cost_usd": float(attempt.cost_usd),
            "nightcrew.verdict": kind,
        },
    )
    yield from (_call_span(call) for call in calls)
    yield from (_gate_span(attempt, gate) for gate in gates)


# ---------------------------------------------------------------------------------------------------------


def _call_span(call: "Row") -> Span:
    finish, served = call["finish_reason"], call["served_model"] or call["asked_model"]
    known = {
        "gen_ai.response.model": served,
        "gen_ai.response.id": call["generation_id"],
        "gen_ai.response.finish_reasons": None if finish is None else [finish],
        "http.response.status_code": call["http_status"],
        "nightcrew.provider": call["provider"],
        "nightcrew.call.cost_usd": None if call["cost_usd"] is None else float(call["cost_usd"]),
        "error.type": call["fault"],
    }
    return Span(
        key=call["call_id"],
        parent=call["attempt_id"],
        name=f"chat {call['asked_model']}",
        started_at=call["started_at"],
        ended_at=call["started_at"] + timedelta(milliseconds=float(call["duration_ms"] or 0.0)),
        is_call=True,
        error=call["fault"],
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openrouter",
            "gen_ai.request.model": call["asked_model"],
            "gen_ai.usage.input_tokens": call["input_tokens"] or 0,
            "gen_ai.usage.output_tokens": call["output_tokens"] or 0,
        }
        | {name: value for name, value in known.items() if value is not None},
    )


def _gate_span(attempt: Attempt, gate: GateResult) -> Span:
    failed = gate.outcome in {GateOutcome.FAIL, GateOutcome.NOT_MEASURABLE}
    return Span(
        key=f"{attempt.attempt_id}/{gate.name}",
        parent=attempt.attempt_id,
        name=f"gate {gate.name}",
        started_at=datetime.fromtimestamp(gate.began, UTC),
        ended_at=datetime.fromtimestamp(gate.began + gate.seconds, UTC),
        error=str(gate.outcome) if failed else None,
        attributes={"nightcrew.gate": gate.name, "nightcrew.gate.outcome": str(gate.outcome)},
    )
