"""A plan: the ladder of (executor, model) rungs to try for one task, and how it was chosen. Shapes only."""

from dataclasses import dataclass

from nightcrew.task import ExecutorName


@dataclass(frozen=True, slots=True)
class Rung:
    """One planned attempt."""

    executor: ExecutorName
    model: str  # the id to call
    slug: str  # canonical slug without variant: the name outcomes are learned under
    success: float  # predicted probability that the verdict accepts
    cost_usd: float  # expected
    seconds: float  # expected
    evidence: int = 0  # own outcomes behind `success`; 0: prior only


@dataclass(frozen=True, slots=True)
class Filtered:
    """A model that was left out, and why."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The ladder, best first, with the alternatives that were considered."""

    rungs: tuple[Rung, ...]
    alternatives: tuple[Rung, ...]
    filtered: tuple[Filtered, ...]
    policy: str
    explanation: str
    value_usd: float = 0.0  # what a solved task of this kind is taken to be worth
    success: float = 0.0  # predicted that some rung is accepted and right
    cost_usd: float = 0.0  # expected, rungs weighed by the chance of reaching them
    stop: str = ""  # why there is no rung, where there is none
