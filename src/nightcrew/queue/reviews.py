"""Questions for a person and their answers, stored so that any process can continue with them.

A question is about one attempt and has an expiry time; an answer records its reason and that a human gave it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator
from sqlalchemy import Column, DateTime, ForeignKey, Integer, Row, Table, Text, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from nightcrew.form import as_form
from nightcrew.queue.audit.tasks import enter_answer
from nightcrew.queue.state_store import StateStore, metadata
from nightcrew.queue.task_table import tasks
from nightcrew.task import TaskStatus

ACCEPTED_BY_A_PERSON = "accepted by a person"


class Choice(StrEnum):
    """A person's choices about a change that could not be measured."""

    ACCEPT = "accept"
    RETRY_WITH_HINT = "retry_with_hint"
    RETRY_WITH_MODEL = "retry_with_model"
    GIVE_UP = "give_up"


NEEDED = {Choice.ACCEPT: "reason", Choice.RETRY_WITH_HINT: "hint", Choice.RETRY_WITH_MODEL: "model"}
"""The field that a choice requires."""


def _with_what_each_choice_needs(schema: dict[str, Any]) -> None:
    """Extend the form's JSON schema: Prefect's server then refuses an answer without its required field."""
    as_form(schema)
    schema["allOf"] = [
        {
            "if": {"required": ["choice"], "properties": {"choice": {"const": choice.value}}},
            "then": {"required": [name], "properties": {name: {"type": "string", "pattern": r"\S"}}},
        }
        for choice, name in NEEDED.items()
    ]


class Answer(BaseModel):
    """A person's answer."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra=_with_what_each_choice_needs,
    )

    choice: Choice
    """Accept the change as it is, try again, or give up the task."""
    reason: str | None = None
    """The reason; required to accept. It is recorded."""
    hint: str | None = None
    """For retry_with_hint: what the next attempt should do differently."""
    model: str | None = None
    """For retry_with_model: the id of the model that should try next."""

    @field_validator("reason", "hint", "model", mode="after")
    @classmethod
    def _strip(cls, value: str | None) -> str | None:
        return (value or "").strip() or None

    @model_validator(mode="after")
    def _check_needed(self) -> Self:
        name = NEEDED.get(self.choice)
        if name is not None and getattr(self, name) is None:
            raise ValueError(f"{self.choice} needs a {name}")
        return self


@dataclass(frozen=True, slots=True)
class Review:
    """A question about one attempt, with its answer if there is one."""

    task_id: str
    number: int  # of the attempt
    question: str
    asked_at: datetime
    expires_at: datetime
    key: str  # of the flow run input that carries the answer
    answer: Answer | None = None
    answered_at: datetime | None = None
    source: Literal["human"] | None = None  # of the answer


reviews = Table(
    "reviews",
    metadata,
    Column("task_id", Text, ForeignKey("tasks.task_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("question", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("key", Text, nullable=False),
    Column("answer", JSONB),
    Column("answered_at", DateTime(timezone=True)),
    Column("source", Text),
)


class Reviews:
    """The questions in a crew's state store; `create_schema` must have created the table."""

    def __init__(self, store: StateStore) -> None:
        self._engine = store.engine

    def ask(self, task_id: str, number: int, *, question: str, seconds: float, key: str) -> Review:
        """Store a question that expires after `seconds`; a repeated call only changes its key."""
        statement = insert(reviews).values(
            task_id=task_id,
            number=number,
            question=question,
            expires_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds),
            key=key,
        )
        again = statement.on_conflict_do_update(
            index_elements=["task_id", "number"], set_={"question": question, "key": key}
        )
        with self._engine.begin() as connection:
            return _review(connection.execute(again.returning(reviews)).one())

    def answer(self, task_id: str, number: int, answer: Answer) -> Review:
        """Store a person's answer; only the first answer counts."""
        of_question = (reviews.c.task_id == task_id) & (reviews.c.number == number)
        first = (
            update(reviews)
            .where(of_question, reviews.c.answered_at.is_(None))
            .values(
                answer=answer.model_dump(mode="json", exclude_none=True),
                answered_at=func.now(),
                source="human",
            )
        )
        with self._engine.begin() as connection:
            is_first = connection.execute(first).rowcount > 0
            review = _review(connection.execute(select(reviews).where(of_question)).one())
            if is_first:
                enter_answer(connection, task_id, number, answer.model_dump(mode="json", exclude_none=True))
            return review

    def find(self, task_id: str, number: int) -> Review | None:
        """The question about an attempt, or None."""
        query = select(reviews).where(reviews.c.task_id == task_id, reviews.c.number == number)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _review(row)

    def waiting(self) -> Sequence[Review]:
        """The open questions, the oldest first."""
        query = (
            select(reviews)
            .join(tasks, tasks.c.task_id == reviews.c.task_id)
            .where(tasks.c.status == TaskStatus.NEEDS_REVIEW, reviews.c.answered_at.is_(None))
            .order_by(reviews.c.asked_at)
        )
        with self._engine.connect() as connection:
            return [_review(row) for row in connection.execute(query)]

    def released(self, task_id: str) -> None:
        """Set the answered task back to pending: it now waits for a slot, not for a person."""
        statement = update(tasks).where(tasks.c.task_id == task_id, tasks.c.status == TaskStatus.NEEDS_REVIEW)
        with self._engine.begin() as connection:
            connection.execute(statement.values(status=TaskStatus.QUEUED))


# ---------------------------------------------------------------------------------------------------------


def _review(row: Row[Any]) -> Review:
    values = dict(row._mapping)
    values["answer"] = Answer.model_validate(row.answer) if row.answer else None
    return Review(**values)
