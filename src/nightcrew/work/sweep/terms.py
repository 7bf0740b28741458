"""What a sweep looks at, and how much it may submit and spend.

A pydantic model, because it is a parameter of a flow, which people see and edit in Prefect's form.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, field_validator

from nightcrew.address import PATTERN, holds_secret
from nightcrew.form import Form
from nightcrew.settings import DeliveryKind
from nightcrew.task import TaskPriority


class Sweep(Form):
    """A repository, and the limits of one sweep."""

    repo: Annotated[str, Field(min_length=1, max_length=4_000, json_schema_extra={"pattern": PATTERN})]
    """Path or URL of the repository, without a token."""
    base: Annotated[str, Field(min_length=1, max_length=250)] = "HEAD"
    """The branch that is measured, and that the work begins from."""
    most_tasks: Annotated[int, Field(ge=1, le=100)] = 3
    """The most tasks of one sweep."""
    budget_usd: Annotated[Decimal, Field(ge=0, le=10_000)] = Decimal(1)
    """The most that all tasks of one sweep may cost, in USD."""
    days: Annotated[int, Field(ge=1, le=3_650)] = 90
    """How far back changes of a module count."""
    rest_days: Annotated[int, Field(ge=0, le=3_650)] = 14
    """How long a module is left alone after a task about it."""
    priority: TaskPriority = TaskPriority.LOW
    """The queue that the tasks wait in."""
    deliver: DeliveryKind | None = None
    """How accepted changes are handed over; empty: as the repository or the crew says."""

    @field_validator("repo")
    @classmethod
    def _check_holds_no_secret(cls, value: str) -> str:
        if holds_secret(value) or value.startswith("-"):
            raise ValueError("must be an address without a token: 'nightcrew submit-task' stores it")
        return value
