"""A round: an accepted change goes back to work because of a review or a failing check."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Round:
    """The last round of a task; its attempts are those after `since`."""

    number: int  # from 1
    since: int  # number of the last attempt before it
    feedback: str  # of reviewers and checks: data of others


def to_json(one: Round) -> dict[str, Any]:
    """The round as it is stored."""
    stored: dict[str, Any] = _ROUND.dump_python(one, mode="json")
    return stored


def from_json(stored: object) -> Round:
    """The round that `to_json` has stored."""
    return _ROUND.validate_python(stored)


def detail_of_unchanged(one: Round, why: str) -> str:
    """The detail of a task whose round has ended without a new accepted change."""
    return f"round {one.number} led to no accepted change, and the earlier one stays: {why}"


# ---------------------------------------------------------------------------------------------------------

_ROUND = TypeAdapter(Round)
