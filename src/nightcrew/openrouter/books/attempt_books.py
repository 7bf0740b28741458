"""In whose name an attempt's calls are made: the account's quota, and the budgets they fall into."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from nightcrew.openrouter.books.budget import Budgets, scopes_of
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.queue.state_store import StateStore


@dataclass(frozen=True, slots=True)
class AttemptBooks:
    """Where one attempt's calls are entered in the state store."""

    store: StateStore
    account: str
    task_id: str
    attempt_id: str
    budgets: Budgets
    limits: QuotaLimits
    clock: Callable[[], datetime]

    def scopes(self, now: datetime) -> dict[str, Decimal]:
        """The budgets that a call falls into, with their caps."""
        return scopes_of(self.budgets, task_id=self.task_id, attempt_id=self.attempt_id, now=now)
