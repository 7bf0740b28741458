"""The words of a task: what somebody wants done, how urgent it is and where it stands.

Pydantic, because tasks come in from outside: CLI, Prefect UI forms, CI. Nothing here does any work.
"""

import re
import uuid
from decimal import Decimal
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nightcrew.address import PATTERN, holds_secret


class TaskCategory(StrEnum):
    """The type of work; decides which gates judge it."""

    UNIT_TEST = "unit_test"
    BUG_FIX = "bug_fix"
    REFACTORING = "refactoring"
    DOCUMENTATION = "documentation"
    CODE_GENERATION = "code_generation"
    ANALYSIS = "analysis"
    BUILD_SCRIPT = "build_script"


class TaskPriority(StrEnum):
    """The work queue a task waits in; higher ones are always served first."""

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
    """Who works on an attempt: one to three plain model calls, or the OpenHands agent loop."""

    DIRECT = "direct"
    OPENHANDS = "openhands"


class TaskStatus(StrEnum):
    """Where a task stands. *completed* means accepted on evidence; where nothing could be measured, on a
    person's word, which its verdict then says."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    NEEDS_REVIEW = "needs_review"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """True once nothing will change the status any more."""
        return self in {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED}


SETTLED = frozenset(status for status in TaskStatus if status.is_final) | {TaskStatus.NEEDS_REVIEW}
"""Nothing more happens to such a task without a person."""


class FailureReason(StrEnum):
    """Which kind of *failed*."""

    REJECTED = "rejected"
    INFRASTRUCTURE = "infrastructure"
    BUDGET = "budget"
    INVALID = "invalid"


def new_task_id() -> str:
    """A fresh task id: short enough to type, random enough never to meet again."""
    return f"t-{uuid.uuid4().hex[:12]}"


TASK_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")


def _in_this_order(schema: dict[str, Any]) -> None:
    """The form in the Prefect UI shows fields by position: what must be filled in comes first."""
    for position, field in enumerate(schema.get("properties", {}).values()):
        field["position"] = position


class Task(BaseModel):
    """One piece of development work in one git repository."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra=_in_this_order,
        hide_input_in_errors=True,
    )

    description: Annotated[str, Field(min_length=3, max_length=20_000)]
    """What is to be done, in words."""
    repo: Annotated[str, Field(min_length=1, max_length=4_000, json_schema_extra={"pattern": PATTERN})]
    """Path or URL of the git repository to work on; it is cloned, never written to."""
    task_type: TaskCategory = TaskCategory.CODE_GENERATION
    """The type of work; it decides how the result is judged."""
    target_file: str | None = None
    """The file the task is about, relative to the repository's root."""
    base: Annotated[str, Field(min_length=1, max_length=250)] = "HEAD"
    """Commit, tag or branch to start from."""
    priority: TaskPriority = TaskPriority.NORMAL
    """Which queue the task waits in."""
    complexity: Complexity = Complexity.MODERATE
    """How hard you think it is."""
    quality_threshold: Annotated[float, Field(ge=0, le=1)] = 0.7
    """The score (0 to 1) that an accepted change must reach."""
    max_cost_usd: Annotated[Decimal, Field(ge=0, le=10_000)] | None = None
    """The most this task may spend, in USD; 0 means free models only, empty the crew's default."""
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """How many attempts at the most."""
    max_seconds: Annotated[int, Field(ge=10, le=86_400)] = 1800
    """How long all attempts together may take, in seconds."""
    models: tuple[str, ...] = ()
    """Only these models, cheapest first; empty: every model the crew may use."""
    executor: ExecutorName | None = None
    """Who works on it; empty lets the plan decide."""
    batch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = None
    """The batch it belongs to: tasks with the same word share a budget."""
    batch_cost_usd: Annotated[Decimal, Field(ge=0, le=100_000)] | None = None
    """The most that all tasks of the batch together may spend, in USD."""
    acceptance: str | None = None
    """A command that must succeed in the changed repository (code_generation, build_script, refactoring)."""
    task_id: str = Field(default_factory=new_task_id)
    """The task's name everywhere; made up if you leave it empty."""

    @field_validator("task_id")
    @classmethod
    def _check_task_id(cls, value: str) -> str:
        if not TASK_ID.fullmatch(value):
            raise ValueError("a task id has 3 to 64 lower-case letters, digits and dashes")
        return value

    @field_validator("base", "repo")
    @classmethod
    def _check_not_an_option(cls, value: str) -> str:
        """A value that git would read as an option is refused at the door."""
        if value.startswith("-") or "\x00" in value or "\n" in value:
            raise ValueError("must not start with '-' or contain line breaks")
        return value

    @field_validator("repo")
    @classmethod
    def _check_holds_no_secret(cls, value: str) -> str:
        """A task is stored and shown; where it came through Prefect, its values are there already."""
        if holds_secret(value):
            raise ValueError(
                "must not hold a password or token, and ends with the repository's path: hand the task in "
                "with 'nightcrew submit-task', which takes a token out and keeps it in the crew's home; one "
                "that was given to Prefect is stored there, so replace it by a new one"
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
            raise ValueError("batch_cost_usd needs batch: the word that the batch's tasks share")
        return self

    @model_validator(mode="after")
    def _check_target_is_named(self) -> Self:
        if self.target_file is None and self.task_type in NEEDS_TARGET:
            raise ValueError(f"a {self.task_type} task needs target_file: the file that it is about")
        return self


NEEDS_TARGET = frozenset({TaskCategory.UNIT_TEST, TaskCategory.DOCUMENTATION})
