"""The tables of the task queue, and their rows as dataclasses."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Row,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from nightcrew.errors import BadInput
from nightcrew.queue.delivery import Delivery, from_json
from nightcrew.queue.round import Round
from nightcrew.queue.round import from_json as round_from_json
from nightcrew.queue.state_store import metadata
from nightcrew.shared_files import read_place
from nightcrew.task import FailureReason, Task, TaskPriority, TaskStatus

UNFINISHED = tuple(status for status in TaskStatus if not status.is_final)
_IS_UNFINISHED = text("status in ({})".format(", ".join(f"'{status}'" for status in UNFINISHED)))

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", String, primary_key=True),
    Column("sequence", BigInteger, Identity(), nullable=False),
    Column("body", JSONB, nullable=False),
    Column("commit", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("priority", String, nullable=False),
    Column("rank", Integer, nullable=False),  # 1 is served first
    Column("status", String, nullable=False),
    Column("failure_reason", String),
    Column("detail", Text, nullable=False, server_default=""),
    Column("submitted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("restarts", Integer, nullable=False, server_default="0"),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("attempts_begun", Integer, nullable=False, server_default="0"),
    Column("flow_run_id", String),
    Column("deployment_id", String),  # that made its flow run
    Column("host", String),
    Column("pid", Integer),
    Column("pid_started", Float),
    Column("beat", DateTime(timezone=True)),  # of the process, see `leases`
    Column("verdict", String),
    Column("score", Float),
    Column("models", JSONB, nullable=False, server_default="[]"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("input_tokens", BigInteger, nullable=False, server_default="0"),
    Column("output_tokens", BigInteger, nullable=False, server_default="0"),
    Column("cost_usd", Numeric, nullable=False, server_default="0"),
    Column("change_path", Text),
    Column("delivery", JSONB(none_as_null=True)),
    Column("round", JSONB(none_as_null=True)),
    Index("tasks_one_unfinished", "fingerprint", unique=True, postgresql_where=_IS_UNFINISHED),
    Index("tasks_unfinished", "status", "rank", "sequence", postgresql_where=_IS_UNFINISHED),
    Index("tasks_sequence", "sequence"),
)
Index("tasks_delivered", tasks.c.delivery["repo"].astext, postgresql_where=tasks.c.delivery.isnot(None))

task_order = Table(
    "task_order",
    metadata,
    Column("task_id", String, ForeignKey("tasks.task_id", ondelete="CASCADE"), primary_key=True),
    Column("after_id", String, ForeignKey("tasks.task_id", ondelete="CASCADE"), primary_key=True, index=True),
)
"""Which tasks wait until another one is completed."""

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", String, primary_key=True),
    Column("task_id", String, ForeignKey("tasks.task_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("executor", String, nullable=False),
    Column("model", String, nullable=False),
    Column("models_served", JSONB, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    Column("end", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_usd", Numeric, nullable=False),
    Column("verdict", String),
    Column("score", Float),
    Column("summary", Text),
    Column("stop_cause", String),
)


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A task and its status."""

    task: Task
    commit: str  # that `task.base` pointed to at submission
    status: TaskStatus
    submitted_at: datetime
    failure_reason: FailureReason | None = None
    detail: str = ""  # one sentence for a person
    started_at: datetime | None = None
    ended_at: datetime | None = None
    restarts: int = 0  # returns to the queue after a crash or a stop
    crashes: int = 0  # of its process since an attempt was last recorded
    flow_run_id: str | None = None
    deployment_id: str | None = None  # that made the flow run; None: a person or an older version did
    host: str | None = None  # host and process id, needed to cancel it
    pid: int | None = None
    pid_started: float | None = None
    verdict: str | None = None
    score: float | None = None
    models: tuple[str, ...] = ()  # that were tried, in order
    attempts: int = 0  # that ended
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = field(default_factory=Decimal)
    change_path: str | None = None  # or its URL, if several hosts share their files
    delivery: Delivery | None = None
    round: Round | None = None  # the last one, in which a review of its change is or was answered
    is_new: bool = False  # True for the submission that stored it

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self.task.task_id

    @property
    def is_in_round(self) -> bool:
        """True if an accepted change is worked on again; without a new one, the task keeps the one it has."""
        return self.round is not None and bool(self.change_path) and not self.status.is_final

    def require_change(self) -> None:
        """Check that the task has an accepted change.

        Raises:
            BadInput: it has none.
        """
        if self.status is not TaskStatus.COMPLETED or not self.change_path:
            raise BadInput(f"task {self.task_id} is {self.status} and has no accepted change")

    def read_change(self) -> str:
        """The text of the change, with every byte of it.

        Raises:
            OSError: it cannot be read.
        """
        return read_place(self.change_path or "").decode("utf-8", "surrogateescape")


def queued_task(row: Row[Any], *, is_new: bool = False) -> QueuedTask:
    """A row of `tasks` as an object."""
    hidden = {"task_id", "sequence", "body", "fingerprint", "priority", "rank", "attempts_begun", "beat"}
    values = {key: value for key, value in row._mapping.items() if key not in hidden}
    values |= {"status": TaskStatus(row.status), "models": tuple(row.models), "is_new": is_new}
    values["delivery"] = None if row.delivery is None else from_json(row.delivery)
    values["round"] = None if row.round is None else round_from_json(row.round)
    values["failure_reason"] = FailureReason(row.failure_reason) if row.failure_reason else None
    return QueuedTask(task=Task.model_validate(row.body), **values)


def rank(priority: TaskPriority) -> int:
    """The rank of a priority; 1 is served first."""
    return list(TaskPriority).index(priority) + 1
