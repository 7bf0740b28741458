"""A task and its enumerations: type, priority, complexity, status and failure reason.

A pydantic model, because tasks come from outside: CLI, Prefect's forms, CI.
"""

import re
import uuid
from decimal import Decimal
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from nightcrew.address import PATTERN, holds_secret
from nightcrew.form import Form
from nightcrew.settings import DeliveryKind


class TaskType(StrEnum):
    """The type of work; it selects the gates."""

    UNIT_TEST = "unit_test"
    BUG_FIX = "bug_fix"
    REFACTORING = "refactoring"
    DOCUMENTATION = "documentation"
    CODE_GENERATION = "code_generation"
    ANALYSIS = "analysis"
    BUILD_SCRIPT = "build_script"


class TaskPriority(StrEnum):
    """The queue that a task waits in; higher priorities are always served first."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Complexity(StrEnum):
    """The submitter's guess of how hard the task is."""

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"


class ExecutorName(StrEnum):
    """The executor of an attempt: one to three plain model calls, or the OpenHands agent loop."""

    DIRECT = "direct"
    OPENHANDS = "openhands"


class TaskStatus(StrEnum):
    """The status of a task. *completed* means accepted on evidence or, if it could not be measured, by a
    person, as its verdict then says."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    NEEDS_REVIEW = "needs_review"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """True if the status is final."""
        return self in {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED}


SETTLED = frozenset(status for status in TaskStatus if status.is_final) | {TaskStatus.NEEDS_REVIEW}
"""Statuses that only a person can change."""


class FailureReason(StrEnum):
    """Why a task failed."""

    REJECTED = "rejected"
    INFRASTRUCTURE = "infrastructure"
    BUDGET = "budget"
    INVALID = "invalid"


def new_task_id() -> str:
    """A new task id: short enough to type, random enough to be unique."""
    return f"t-{uuid.uuid4().hex[:12]}"


TASK_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")


class Task(Form):
    """One piece of development work in one git repository."""

    description: Annotated[str, Field(min_length=3, max_length=20_000)]
    """What to do, in plain words."""
    repo: Annotated[str, Field(min_length=1, max_length=4_000, json_schema_extra={"pattern": PATTERN})]
    """Path or URL of the target git repository; it is cloned, and only a delivered branch is added to it."""
    task_type: TaskType = TaskType.CODE_GENERATION
    """What type of work it is; the type selects the gates."""
    target_file: str | None = None
    """The file the task is about, relative to the repository's root."""
    base: Annotated[str, Field(min_length=1, max_length=250)] = "HEAD"
    """Commit, tag or branch to start from."""
    priority: TaskPriority = TaskPriority.NORMAL
    """The queue that the task waits in."""
    complexity: Complexity = Complexity.MODERATE
    """How hard you think it is."""
    quality_threshold: Annotated[float, Field(ge=0, le=1)] = 0.7
    """The score (0 to 1) that an accepted change must reach."""
    max_cost_usd: Annotated[Decimal, Field(ge=0, le=10_000)] | None = None
    """The most that this task may cost, in USD; 0: free models only, empty: the crew's default."""
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """The most attempts."""
    max_seconds: Annotated[int, Field(ge=10, le=86_400)] = 1800
    """The most time for all attempts together, in seconds."""
    models: tuple[str, ...] = ()
    """Only these models, cheapest first; empty: all models that the crew may use."""
    executor: ExecutorName | None = None
    """The executor; empty: the plan decides."""
    batch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = None
    """Name of the batch that it belongs to; the tasks of a batch share a budget."""
    batch_cost_usd: Annotated[Decimal, Field(ge=0, le=100_000)] | None = None
    """The most that all tasks of the batch together may cost, in USD."""
    acceptance: str | None = None
    """A command that must succeed in the changed repository (code_generation, build_script, refactoring)."""
    deliver: DeliveryKind | None = None
    """How the accepted change is handed over; empty: as the repository or the crew says."""
    issue: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """Number of the issue on GitHub that asks for it; the pull request closes it."""
    task_id: str = Field(default_factory=new_task_id)
    """The task's id; generated if empty."""

    @field_validator("task_id")
    @classmethod
    def _check_task_id(cls, value: str) -> str:
        if not TASK_ID.fullmatch(value):
            raise ValueError("a task id has 3 to 64 lower-case letters, digits and dashes")
        return value

    @field_validator("base", "repo")
    @classmethod
    def _check_not_an_option(cls, value: str) -> str:
        """Refuse a value that git would take for an option."""
        if value.startswith("-") or "\x00" in value or "\n" in value:
            raise ValueError("must not start with '-' or contain line breaks")
        return value

    @field_validator("repo")
    @classmethod
    def _check_holds_no_secret(cls, value: str) -> str:
        """Refuse a secret in the address, because tasks are stored and shown."""
        if holds_secret(value):
            raise ValueError(
                "must not contain a password or token, and ends with the repository's path: submit the task "
                "with 'nightcrew submit-task', which removes a token and stores it in the crew's home; one "
                "that was entered in Prefect is stored there, so replace it by a new one"
            )
        return value

    @field_validator("target_file")
    @classmethod
    def _check_target_file(cls, value: str | None) -> str | None:
        if value is None:
            return None
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\x00" in value:
            raise ValueError("must be a path inside the repository, relative to its root")
        return str(path)

    @model_validator(mode="after")
    def _check_batch_is_named(self) -> Self:
        if self.batch_cost_usd is not None and self.batch is None:
            raise ValueError("batch_cost_usd needs batch: the name of the batch")
        return self

    @model_validator(mode="after")
    def _check_target_is_named(self) -> Self:
        if self.target_file is None and self.task_type in NEEDS_TARGET:
            raise ValueError(f"a {self.task_type} task needs target_file: the file it is about")
        return self


NEEDS_TARGET = frozenset({TaskType.UNIT_TEST, TaskType.DOCUMENTATION})
