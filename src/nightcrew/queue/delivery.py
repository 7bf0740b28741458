"""The delivery of a task's accepted change: a branch, with or without a pull request, or why not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter


class DeliveryStatus(StrEnum):
    """How far a delivery has come."""

    BEGUN = "begun"  # the branch is being written, or its process has ended meanwhile
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"  # a person has to act, as the detail says


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of one task. Its author, message and time make the same commit on another base."""

    repo: str  # one name for all addresses of the repository
    status: DeliveryStatus
    detail: str = ""  # one sentence for a person
    branch: str | None = None
    commit: str | None = None
    onto: str | None = None  # the commit's parent
    author: str = ""
    message: str = ""
    made_at: datetime | None = None
    pull_request: int | None = None  # its number
    url: str | None = None  # of the pull request
    attempt: int = 0  # number of the attempt whose change it is; 0: not known
    revises: str | None = None  # the commit of the branch before, which is its first parent

    def is_of(self, attempt: int) -> bool:
        """True if it is the delivery of this attempt's change."""
        return self.attempt in {0, attempt}


def to_json(delivery: Delivery) -> dict[str, Any]:
    """The delivery as it is stored."""
    stored: dict[str, Any] = _DELIVERY.dump_python(delivery, mode="json")
    return stored


def from_json(stored: object) -> Delivery:
    """The delivery that `to_json` has stored."""
    return _DELIVERY.validate_python(stored)


# ---------------------------------------------------------------------------------------------------------

_DELIVERY = TypeAdapter(Delivery)
