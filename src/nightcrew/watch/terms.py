"""How a repository on GitHub is watched: what makes a task of an issue, who may ask, and within which limits.

A pydantic model, because it is a parameter of a flow, which people see and edit in Prefect's form.
"""

import hashlib
from decimal import Decimal
from typing import Annotated

from pydantic import Field, field_validator

from nightcrew.address import PATTERN, holds_secret
from nightcrew.form import Form
from nightcrew.settings import DeliveryKind
from nightcrew.task import TaskPriority

type Login = Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})(?:\[bot\])?$")]


class Watch(Form):
    """A repository on GitHub, and how it is watched."""

    repo: Annotated[str, Field(min_length=1, max_length=4_000, json_schema_extra={"pattern": PATTERN})]
    """URL of the repository on GitHub, without a token."""
    label: Annotated[str, Field(min_length=1, max_length=50)] = "nightcrew"
    """An open issue with this label becomes a task."""
    people: tuple[Login, ...] = ()
    """Only these accounts may ask; empty: everybody who may push to the repository."""
    deliver: DeliveryKind = DeliveryKind.PULL_REQUEST
    """How accepted changes are handed over."""
    priority: TaskPriority = TaskPriority.NORMAL
    """The queue that the tasks wait in."""
    base: Annotated[str, Field(min_length=1, max_length=250)] = "HEAD"
    """The branch that the work begins from."""
    max_cost_usd: Annotated[Decimal, Field(ge=0, le=10_000)] | None = None
    """The most that one task may cost, in USD; empty: the crew's default."""

    rounds: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a pull request goes back to work because of reviews or failing checks."""

    @field_validator("repo")
    @classmethod
    def _check_holds_no_secret(cls, value: str) -> str:
        if holds_secret(value) or value.startswith("-"):
            raise ValueError(
                "must be an address without a token: 'nightcrew watch add' removes and stores it"
            )
        return value


def hook_key(repo: str) -> str:
    """The name under which webhooks of a repository arrive; it tells nothing about the repository."""
    return hashlib.sha256(f"hook {repo}".encode()).hexdigest()[:24]
