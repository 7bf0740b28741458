"""Keeps the catalogue of models and prices fresh."""

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact

from blocks.crew import settings_overrides
from flows.steps import step
from nightcrew.crew.storage.database import ensure_database
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.availability import catalogue_of
from nightcrew.openrouter.catalogue.catalogue_changes import Refresh
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.settings import Settings, load_settings


@flow(name="refresh-models")
async def refresh_models() -> str:
    """Fetch the list of models and prices; if that fails, the last good list stays in use."""
    settings = load_settings(**await settings_overrides())
    report = summary(await step(refresh, name="refresh")(settings))
    await acreate_markdown_artifact(report, key="models")
    return report


def refresh(settings: Settings) -> Refresh:
    """Refresh the catalogue; returns what changed."""
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        api = OpenRouterApi(*settings.account)
        try:
            return catalogue_of(settings, store, api).refresh()
        finally:
            api.close()


def summary(refreshed: Refresh) -> str:
    """The result of a refresh, as Markdown."""
    if refreshed.error:
        return f"The refresh failed, and the last good list stays in use: {refreshed.error}"
    lists = {"new": refreshed.appeared, "changed": refreshed.changed, "gone": refreshed.vanished}
    changes = [
        f"- {word}: {', '.join(f'`{name}`' for name in names)}" for word, names in lists.items() if names
    ]
    return "\n".join((f"{refreshed.models} models.", "", *changes))
