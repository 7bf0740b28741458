"""What the settings give a crew for its calls: the catalogue, budgets and quota, and what is left of them."""

from collections.abc import Callable
from datetime import datetime

from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books import breakers, budget, quota
from nightcrew.openrouter.books.account import check_running, lock_account
from nightcrew.openrouter.books.breakers import model_key
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.books.quota import QuotaLeft, QuotaLimits
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.wire.credentials import account_name
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.selection.candidates import Availability
from nightcrew.settings import Settings
from nightcrew.task import Task

SPARE_CALLS = 10  # extra calls of an attempt, for those lost to faults


def limits_of(settings: Settings) -> QuotaLimits:
    """The configured quota, which applies until the provider reports another one."""
    return QuotaLimits(settings.free_requests_per_minute, settings.free_requests_per_day)


def budgets_of(settings: Settings, task: Task) -> Budgets:
    """The caps on the calls of one attempt at `task`, in USD."""
    own = task.max_cost_usd
    return Budgets(
        task_usd=settings.task_budget_usd if own is None else own,
        batch=task.batch,
        batch_usd=task.batch_cost_usd,
        day_usd=settings.day_budget_usd,
        month_usd=settings.month_budget_usd,
        calls=settings.attempt_iterations + SPARE_CALLS,
        unknown_price_usd=settings.unknown_price_usd,
    )


def account_of(settings: Settings) -> str:
    """The name of this crew's account in the state store."""
    return account_name(*settings.account)


def catalogue_of(settings: Settings, store: StateStore, api: OpenRouterApi) -> ModelCatalogue:
    """The catalogue of the configured endpoint, for flows and commands alike."""
    price = settings.unknown_price_usd
    return ModelCatalogue(store, api, configured=settings.models, unknown_price_usd=price)


def availability(
    store: StateStore, settings: Settings, *, clock: Callable[[], datetime] = utc_now
) -> Availability:
    """The current state of the account.

    Raises:
        AccountStopped: the crew is stopped; the message says why.
    """
    account, now = account_of(settings), clock()
    day = Budgets(day_usd=settings.day_budget_usd, month_usd=settings.month_budget_usd)
    with store.engine.begin() as connection:
        check_running(lock_account(connection, account, for_update=False))
        resting = breakers.resting(connection, account, now=now)
        left = quota.left(connection, account, limits_of(settings), now=now)
        scopes = budget.scopes_of(day, task_id="", attempt_id="", now=now)
        left_usd = budget.left_usd(connection, scopes)
    prefix = model_key("")
    return Availability(
        resting={
            rest.key.removeprefix(prefix): rest.reason for rest in resting if rest.key.startswith(prefix)
        },
        free_calls_left=left.day,
        budget_left_usd=left_usd,
    )


def quota_left(
    store: StateStore, settings: Settings, *, clock: Callable[[], datetime] = utc_now
) -> QuotaLeft:
    """The free calls left in both windows, and when the day's window resets."""
    with store.engine.begin() as connection:
        return quota.left(connection, account_of(settings), limits_of(settings), now=clock())
