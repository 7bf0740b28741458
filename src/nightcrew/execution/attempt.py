"""An attempt: one try by one model at one task, and its model calls.

Data only. Money is `Decimal` USD, times are UTC; names tell whether durations are seconds or milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from nightcrew.task import ExecutorName


class AttemptEnd(StrEnum):
    """How an attempt ended. None of these means that the work is good; only a verdict does."""

    FINISHED = "finished"  # the executor reports that it is done
    PROSE = "prose"  # the model answered with text and did not act
    STUCK = "stuck"  # the same action again and again
    ITERATION_LIMIT = "iteration_limit"
    TRUNCATED = "truncated"  # the output limit cut an answer or tool call
    INVALID_OUTPUT = "invalid_output"  # tool calls or edits that cannot be parsed or applied
    MODEL_UNFIT = "model_unfit"  # gone, no tool use, context too small, refuses
    BUDGET = "budget"
    WALL_TIME = "wall_time"
    KILLED = "killed"  # a sandbox limit: memory, processes, disk
    CANCELLED = "cancelled"
    INFRASTRUCTURE = "infrastructure"  # fault of the provider, the network or ours, never the model's

    @property
    def is_fault(self) -> bool:
        """True if the model is not to blame."""
        return self in {
            AttemptEnd.INFRASTRUCTURE,
            AttemptEnd.CANCELLED,
            AttemptEnd.BUDGET,
            AttemptEnd.MODEL_UNFIT,
        }


class StopCause(StrEnum):
    """What keeps an attempt from making more model calls."""

    QUOTA = "quota"
    BUDGET = "budget"
    ACCOUNT = "account"
    STORE = "state store"
    MODELS = "no model left"
    OFFLINE = "offline"

    @property
    def is_interruption(self) -> bool:
        """True if the cause ends without the attempt: another day's quota, a resumed crew, a connection."""
        return self in {StopCause.QUOTA, StopCause.ACCOUNT, StopCause.STORE, StopCause.OFFLINE}


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why an attempt makes no more model calls."""

    cause: StopCause
    detail: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Rescue:
    """A repair of an answer's form, tried on one call."""

    kind: str
    worked: bool


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call to a model, answered or not; the event of a row in the ledger's `model_calls`."""

    kind: ClassVar = "model_call"
    subject: ClassVar = "call_id"
    call_id: str  # attempt_id:sequence
    attempt_id: str
    task_id: str
    sequence: int
    asked_model: str
    served_model: str | None
    provider: str | None
    started_at: datetime
    duration_ms: float
    first_token_ms: float | None
    http_status: int | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal | None  # None: unknown, which is not zero
    input_price_usd: Decimal | None  # per token, at the time of the call
    output_price_usd: Decimal | None
    finish_reason: str | None
    fault: str | None  # None: answered
    generation_id: str | None
    streamed: bool
    quota_window: str | None = None  # UTC day whose free calls it counts as; None: not a free call
    rescues: tuple[Rescue, ...] | None = None  # what was repaired about the answer's form


type RecordCall = Callable[[ModelCall], OSError | None]
"""Records an ended call; gives the error that keeps it from the disk for now: a kill would lose it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of an attempt: how it ended, and its change as a patch against the base commit."""

    attempt_id: str  # task_id:number
    task_id: str
    number: int
    executor: ExecutorName
    model: str  # the rung's model; after a rotation, others may have served calls
    models_served: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    end: AttemptEnd
    detail: str  # one sentence for a person
    patch: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    stop_cause: StopCause | None = None  # why it could make no more calls; None: it could
    text_was_read: bool | None = None  # its first reply in the text format had edits; None: it was not asked
