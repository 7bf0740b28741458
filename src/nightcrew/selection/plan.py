"""A plan: the ladder of (executor, model) rungs for one task, and how it was chosen. Data only."""

from dataclasses import dataclass
from enum import StrEnum

from nightcrew.task import ExecutorName


@dataclass(frozen=True, slots=True)
class Rung:
    """One planned attempt."""

    executor: ExecutorName
    model: str  # the id to call
    slug: str  # canonical slug without variant; outcomes are learned under this name
    success: float  # predicted probability that the verdict accepts
    cost_usd: float  # expected
    seconds: float  # expected
    evidence: int = 0  # number of own verdicts behind `success`; 0: prior only


class FilterName(StrEnum):
    """What removes models from a plan."""

    ALLOWED = "allowed"
    DENIED = "denied"
    PROVIDER = "provider"
    DATA_POLICY = "data policy"
    EXPIRED = "expired"
    CONTEXT = "context"
    OUTPUT = "output"
    TOOLS = "tools"
    TRIED = "tried"
    RESTING = "resting"
    QUOTA = "quota"
    BUDGET = "budget"
    LATENCY = "latency"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Removal:
    """Why a model was removed."""

    by: FilterName
    why: str


@dataclass(frozen=True, slots=True)
class Filtered:
    """A model that was filtered out, and why."""

    model: str
    removal: Removal

    @property
    def reason(self) -> str:
        """The filter and its explanation in one text, as the ledger keeps it."""
        return f"{self.removal.by}: {self.removal.why}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The ladder, in the order of attempts, with the alternatives that were considered."""

    rungs: tuple[Rung, ...]
    alternatives: tuple[Rung, ...]
    filtered: tuple[Filtered, ...]
    policy: str
    explanation: str
    value_usd: float = 0.0  # value of a solved task of this type
    success: float = 0.0  # predicted probability that some rung is accepted and right
    cost_usd: float = 0.0  # expected; rungs are weighted by the probability of reaching them
    stop: str = ""  # why there is no rung; empty if there is one
