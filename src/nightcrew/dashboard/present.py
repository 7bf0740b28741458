"""What the crew does at this moment, from the state store: running and waiting tasks, quota, money, stops."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from nightcrew.dashboard.totals import read_batches
from nightcrew.openrouter.books import breakers, budget
from nightcrew.openrouter.books.account import Stop, crew_stop
from nightcrew.openrouter.books.availability import account_of, limits_of
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.books.offline import Offline, offline
from nightcrew.openrouter.books.quota import QuotaLeft, left
from nightcrew.queue.outbox import outbox
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.queue.task_queue import QueueStats, TaskQueue
from nightcrew.queue.task_table import QueuedTask, tasks
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus

MOST_ROWS = 50
WAITING = (TaskStatus.PENDING, TaskStatus.QUEUED)


@dataclass(frozen=True, slots=True)
class Present:
    """The state of the crew at one moment; lists have at most `MOST_ROWS` tasks."""

    running: Sequence[QueuedTask]
    held: int  # running tasks that a process holds, all of them
    waiting: Sequence[QueuedTask]  # in the order in which they will run
    for_a_person: Sequence[QueuedTask]
    stats: QueueStats
    quota: QuotaLeft
    budget_usd: Mapping[str, Decimal]  # of the "day" and the "month"
    budget_left_usd: Mapping[str, Decimal]  # of the same
    resting: Mapping[str, str]  # models and providers that are given a rest, with the reason
    stop: Stop | None
    outage: Offline | None
    batches: Sequence[Mapping[str, Any]]  # the latest, see `read_batches`
    outbox: int  # facts on their way to the ledger
    outbox_since: datetime | None  # when the oldest of them was stored


def read_present(store: StateStore, settings: Settings) -> Present:
    """Read the state of the crew; changes nothing.

    Raises:
        OperationalError: the database cannot be reached.
    """
    queue = TaskQueue(store, settings.max_unfinished_tasks)
    account, now = account_of(settings), utc_now()
    budgets = {"day": settings.day_budget_usd, "month": settings.month_budget_usd}
    with store.engine.begin() as connection:
        quota = left(connection, account, limits_of(settings), now=now)
        resting = {rest.key: rest.reason for rest in breakers.resting(connection, account, now=now)}
        money = {
            name: budget.left_usd(connection, budget.scopes_of(caps, task_id="", attempt_id="", now=now))
            for name, caps in {
                "day": Budgets(day_usd=budgets["day"]),
                "month": Budgets(month_usd=budgets["month"]),
            }.items()
        }
        is_held = (tasks.c.status == TaskStatus.RUNNING) & tasks.c.pid.isnot(None)
        held = connection.execute(select(func.count()).where(is_held)).scalar_one()
        facts, since = connection.execute(select(func.count(), func.min(outbox.c.at))).one()
    return Present(
        running=queue.list(TaskStatus.RUNNING, MOST_ROWS),
        held=held,
        waiting=queue.waiting(*WAITING, limit=MOST_ROWS),
        for_a_person=queue.list(TaskStatus.NEEDS_REVIEW, MOST_ROWS),
        stats=queue.stats(),
        quota=quota,
        budget_usd=budgets,
        budget_left_usd=money,
        batches=read_batches(store),
        resting=resting,
        stop=crew_stop(store, account),
        outage=offline(store, account),
        outbox=facts,
        outbox_since=since,
    )
