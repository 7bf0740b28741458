"""What the commands about models work with; kept apart because importing it takes a second."""

from collections.abc import Iterator
from contextlib import contextmanager

from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.availability import availability, quota_left
from nightcrew.openrouter.catalogue import ModelCatalogue
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.selection.memory import Memory
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.selection.plan import Plan
from nightcrew.selection.requirements import USUAL_CONTEXT_TOKENS, requirements_for
from nightcrew.settings import Settings
from nightcrew.task import Task
from nightcrew.worker.database import ensure_database

__all__ = ["availability", "open_catalogue", "plan_for", "quota_left"]


@contextmanager
def open_catalogue(settings: Settings) -> Iterator[tuple[StateStore, ModelCatalogue]]:
    """The state store and its catalogue, fetched once if it was never fetched."""
    with (
        StateStore(ensure_database(settings)) as store,
        OpenRouterApi(settings.base_url, settings.api_key) as api,
    ):
        create_schema(store)
        catalogue = ModelCatalogue(store, api, configured=settings.models)
        if catalogue.age is None:
            catalogue.refresh()
        yield store, catalogue


def plan_for(task: Task, settings: Settings, store: StateStore, catalogue: ModelCatalogue) -> Plan:
    """The plan that a first attempt at `task` would follow now."""
    return ModelSelector().plan(
        requirements_for(task, settings, context_tokens=USUAL_CONTEXT_TOKENS),
        catalogue.candidates(),
        Memory.load(settings.memory_path),
        availability(store, settings),
    )
