"""An attempt's books: the account's quota and the budgets that its calls count against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from nightcrew.openrouter.books.budget import Budgets, scopes_of
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.queue.state_store import StateStore, utc_now


@dataclass(frozen=True, slots=True)
class AttemptBooks:
    """Account, quota limits and budgets of one attempt's calls."""

    store: StateStore
    account: str
    task_id: str
    attempt_id: str
    budgets: Budgets
    limits: QuotaLimits = field(default_factory=QuotaLimits)
    clock: Callable[[], datetime] = utc_now

    def scopes(self, now: datetime) -> dict[str, Decimal]:
        """The budgets that a call counts against, with their caps."""
        return scopes_of(self.budgets, task_id=self.task_id, attempt_id=self.attempt_id, now=now)
