"""A task's requirements: everything that the filters and the plan need to know about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from nightcrew.execution.executors.context_need import ROOM_TOKENS, ContextNeed
from nightcrew.settings import DataPolicy, Settings
from nightcrew.task import Complexity, ExecutorName, Task

UNLIMITED_USD = Decimal("Infinity")
DEFAULT_QUALITY = 0.7
HIGHEST_QUALITY = 0.99  # a higher threshold has no further effect


@dataclass(frozen=True, slots=True)
class Requirements:
    """One task, as the model selector sees it. Data only: equal requirements give equal plans."""

    task_type: str
    today: date
    complexity: Complexity = Complexity.MODERATE
    quality_threshold: float = DEFAULT_QUALITY
    executors: tuple[str, ...] = (ExecutorName.OPENHANDS,)
    context_tokens: int = 0  # measured in the repository; has to fit into the window
    context_source: str = ""  # how that number was found, in words
    room_tokens: Mapping[str, int] = field(
        default_factory=dict
    )  # executor -> tokens it adds, answers included
    output_tokens: int = 0  # of one answer
    max_latency_seconds: float | None = None  # of one attempt
    seconds_left: float | None = None  # until the deadline, for all attempts together
    budget_usd: Decimal = UNLIMITED_USD  # left for this task
    allowed_models: tuple[str, ...] = ()  # glob patterns; empty: all
    denied_models: tuple[str, ...] = ()
    allowed_providers: tuple[str, ...] = ()
    denied_providers: tuple[str, ...] = ()
    data_policy: DataPolicy = DataPolicy.ANY
    max_attempts: int = 4  # of the whole task
    hour_price_usd: float = 0.0  # cost of an hour of waiting
    seed: int = 0  # breaks ties between equal models

    def window(self, executor: str) -> int:
        """The context window, in tokens, that an attempt with `executor` needs."""
        return self.context_tokens + self.room_tokens.get(executor, 0) + self.output_tokens


def requirements_for(
    task: Task,
    settings: Settings,
    *,
    context: ContextNeed,
    spent_usd: Decimal = Decimal(0),
    spent_seconds: float = 0.0,
    executors: Sequence[str] = (ExecutorName.DIRECT, ExecutorName.OPENHANDS),
    today: date | None = None,
    seed: int = 0,
) -> Requirements:
    """The requirements of `task`; `context` is measured in its repository.

    `spent_usd` and `spent_seconds` were used by its earlier attempts.
    """
    limit = settings.task_budget_usd if task.max_cost_usd is None else task.max_cost_usd
    return Requirements(
        task_type=task.task_type,
        today=today or datetime.now(UTC).date(),
        complexity=task.complexity,
        quality_threshold=task.quality_threshold,
        executors=(task.executor,) if task.executor else tuple(executors),
        context_tokens=context.tokens,
        context_source=context.source,
        room_tokens=ROOM_TOKENS,
        max_latency_seconds=float(settings.attempt_seconds),
        seconds_left=max(0.0, task.max_seconds - spent_seconds),
        budget_usd=max(Decimal(0), limit - spent_usd),
        allowed_models=task.models or settings.models,
        denied_models=settings.denied_models,
        allowed_providers=settings.allowed_providers,
        denied_providers=settings.denied_providers,
        data_policy=settings.data_policy,
        hour_price_usd=settings.hour_price_usd,
        max_attempts=task.max_attempts,
        seed=seed,
    )
