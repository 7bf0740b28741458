"""The ledger's facts as typed events, and their encoding as lines of JSON.

An event's id is derived from its content (kind, subject, digest), not from its time. So a fact recorded again
by a retried step is the same row, and another fact about the same subject is a second row, from which the
views choose. Nothing is duplicated, and no paid call is lost under a reused number.

Money is a string with nine decimals, times are UTC, enums are lower-case words. Events never contain prompts,
answers or evidence. Texts are cut at `MAX_TEXT` characters. To add a column, add a field with `| None` (old
lines are read as NULL); never rename or retype a field, and never change the nested shapes.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, ClassVar

from nightcrew.execution.attempt import ModelCall

SCHEMA_VERSION = 1
MAX_TEXT = 2_000
_MONEY_STEP = Decimal("0.000000001")
_MONEY_LIMIT = Decimal(10) ** 9


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    """A task was submitted; only size and digest of its description are stored."""

    kind: ClassVar = "task_submitted"
    subject: ClassVar = "task_id"
    task_id: str
    task_type: str
    priority: str
    complexity: str
    repo: str  # without user name and password
    base: str
    target_file: str | None
    quality_threshold: float
    max_cost_usd: Decimal | None
    max_attempts: int
    max_seconds: int
    executor: str | None
    description_chars: int
    description_sha256: str


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A worker took the task."""

    kind: ClassVar = "task_started"
    subject: ClassVar = "task_id"
    task_id: str
    base_commit: str | None
    flow_run_id: str | None


@dataclass(frozen=True, slots=True)
class PlannedRung:
    """One planned attempt."""

    executor: str
    model: str
    slug: str
    success: float  # predicted probability of acceptance
    expected_cost_usd: Decimal | None
    expected_seconds: float
    evidence: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model that was filtered out, and why."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """A plan was made before attempt `number`, with the alternatives that were considered."""

    kind: ClassVar = "decision"
    subject: ClassVar = "decision_id"
    decision_id: str  # task_id:number
    task_id: str
    number: int
    policy: str
    explanation: str
    rungs: tuple[PlannedRung, ...]
    alternatives: tuple[PlannedRung, ...]
    filtered: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """An attempt started."""

    kind: ClassVar = "attempt_started"
    subject: ClassVar = "attempt_id"
    attempt_id: str
    task_id: str
    number: int
    executor: str
    model: str


@dataclass(frozen=True, slots=True)
class AttemptFinished:
    """An attempt ended; only size and digest of its patch are stored."""

    kind: ClassVar = "attempt_finished"
    subject: ClassVar = "attempt_id"
    attempt_id: str
    task_id: str
    number: int
    executor: str
    model: str
    models_served: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    attempt_end: str
    detail: str
    patch_lines: int
    patch_sha256: str | None  # None: no change
    stop_cause: str | None = None  # why it could make no more calls; None: it could


@dataclass(frozen=True, slots=True)
class GateFinding:
    """The result of one gate."""

    gate: str
    outcome: str
    message: str
    hint: str
    strength: float | None


@dataclass(frozen=True, slots=True)
class VerdictGiven:
    """A verdict on an attempt was given."""

    kind: ClassVar = "verdict"
    subject: ClassVar = "attempt_id"
    attempt_id: str
    task_id: str
    verdict: str
    score: float
    summary: str
    sandbox: str
    gates: tuple[GateFinding, ...]


@dataclass(frozen=True, slots=True)
class TaskFinished:
    """A task ended or waits for a person; in the latter case a second event follows."""

    kind: ClassVar = "task_finished"
    subject: ClassVar = "task_id"
    task_id: str
    status: str
    failure_reason: str | None
    detail: str
    change_path: str | None


@dataclass(frozen=True, slots=True)
class TaskDelivered:
    """The accepted change was delivered, or could not be; of several facts the latest counts."""

    kind: ClassVar = "task_delivered"
    subject: ClassVar = "task_id"
    task_id: str
    status: str
    branch: str | None
    commit_id: str | None
    onto: str | None  # the commit that it builds on
    detail: str


@dataclass(frozen=True, slots=True)
class PullFollowed:
    """What people made of a pull request of ours; of several facts the latest counts."""

    kind: ClassVar = "pull_followed"
    subject: ClassVar = "task_id"
    task_id: str
    status: str
    pull_request: int | None
    rounds: int  # in which reviews and checks were answered


type Event = (
    TaskSubmitted
    | TaskStarted
    | DecisionMade
    | AttemptStarted
    | ModelCall
    | AttemptFinished
    | VerdictGiven
    | TaskFinished
    | TaskDelivered
    | PullFollowed
)

EVENT_TYPES: tuple[type[Event], ...] = (
    TaskSubmitted,
    TaskStarted,
    DecisionMade,
    AttemptStarted,
    ModelCall,
    AttemptFinished,
    VerdictGiven,
    TaskFinished,
    TaskDelivered,
    PullFollowed,
)


def encode(event: Event, recorded_at: datetime) -> bytes:
    """The event as one line of ASCII JSON, newline included."""
    content = to_json(event)
    head = {
        "kind": event.kind,  # first, so that readers can select lines without parsing them
        "event_id": event_id(event, content),
        "recorded_at": to_json(recorded_at),
        "schema_version": SCHEMA_VERSION,
    }
    return (json.dumps(head | content, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")


def event_id(event: Event, content: Mapping[str, Any]) -> str:
    """The id of a fact by its content as JSON: the same whenever and by whomever it is recorded."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()
    return f"{event.kind}:{content[event.subject]}:{digest[:16]}"


def money(value: Decimal | None) -> Decimal | None:
    """`value` as DECIMAL(18,9) stores it; None if it is unknown or not a number."""
    if value is None or not value.is_finite() or abs(value) >= _MONEY_LIMIT:
        return None
    rounded = value.quantize(_MONEY_STEP, rounding=ROUND_HALF_EVEN)
    return rounded if abs(rounded) < _MONEY_LIMIT else None


def clean_text(value: str) -> str:
    """`value` in a form that every reader accepts: bounded, without NUL and lone surrogates."""
    whole = value.encode("utf-8", errors="replace").decode("utf-8").replace("\x00", "\ufffd")
    return whole if len(whole) <= MAX_TEXT else whole[: MAX_TEXT - 1] + "…"


def to_json(value: Any) -> Any:
    """`value` as JSON types."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    match value:
        case str():
            return clean_text(str(value))
        case Decimal():
            amount = money(value)
            return None if amount is None else f"{amount:f}"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case float():
            return value if math.isfinite(value) else None
        case tuple():
            return [to_json(item) for item in value]
    return value
