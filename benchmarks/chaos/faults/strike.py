"""A fault that was made: what it struck, how long it lasts, and how it is lifted."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.chaos.look import Look
from benchmarks.chaos.stage import Stage


class NotNow(Exception):
    """Nothing is there that this fault could strike; the next one is drawn."""


class CannotBeDone(Exception):
    """This machine does not allow it; the message says why."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault; with `lasts` it holds for so many seconds, until `lift` ends it."""

    about: str
    lasts: float = 0.0
    lift: Callable[[], object] = lambda: None


type Cause = Callable[[Stage, Look], Strike]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: how often it is drawn, and whether it touches the whole crew (one such at a time)."""

    name: str
    cause: Cause
    weight: int = 2
    is_heavy: bool = False
