"""The catalogue and the plan for the commands about models; a separate module because it imports slowly."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from nightcrew.crew.storage.database import ensure_database
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.workspace import Checkout, resolve_commit
from nightcrew.execution.executors.context_need import ContextNeed, measured_need
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.availability import availability, catalogue_of, quota_left
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.selection.plan import Plan
from nightcrew.selection.requirements import requirements_for
from nightcrew.settings import Settings
from nightcrew.task import Task
from nightcrew.work.recollection import load_memory

__all__ = ["availability", "open_catalogue", "plan_for", "quota_left"]


@contextmanager
def open_catalogue(settings: Settings) -> Iterator[tuple[StateStore, ModelCatalogue]]:
    """The state store and its catalogue, fetched once if it was never fetched."""
    with (
        StateStore(ensure_database(settings)) as store,
        OpenRouterApi(*settings.account) as api,
    ):
        create_schema(store)
        catalogue = catalogue_of(settings, store, api)
        if catalogue.age is None:
            catalogue.refresh()
        yield store, catalogue


def plan_for(task: Task, settings: Settings, store: StateStore, catalogue: ModelCatalogue) -> Plan:
    """The plan that a first attempt at `task` would follow now."""
    candidates = catalogue.candidates()
    return ModelSelector().plan(
        requirements_for(task, settings, context=_context_of(task, settings)),
        candidates,
        load_memory(settings, candidates),
        availability(store, settings),
    )


# ---------------------------------------------------------------------------------------------------------


def _context_of(task: Task, settings: Settings) -> ContextNeed:
    """Measured in the task's repository; a typical need if the repository cannot be read."""
    with ExitStack() as stack:

        def open_base() -> Checkout:
            credentials = Credentials(settings.credentials_dir)
            commit = resolve_commit(task.repo, task.base, credentials=credentials)
            return stack.enter_context(base_checkout(task.repo, commit, settings))

        return measured_need(task, open_base)
