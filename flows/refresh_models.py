"""Keeps the catalogue of models and prices fresh, and gives each model a limit of concurrent attempts."""

from prefect import flow, get_client
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

from blocks.crew import settings_overrides
from flows.steps import model_limit, step
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.availability import unknown_price_of
from nightcrew.openrouter.catalogue import ModelCatalogue, Refresh
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.settings import Settings, load_settings
from nightcrew.worker.database import ensure_database

SLOTS = 10
"""Concurrent attempts with one model; an operator's own number is left alone."""


@flow(name="refresh-models")
async def refresh_models() -> str:
    """Read the list of models and prices anew; a failed refresh keeps the last good one."""
    settings = load_settings(**await settings_overrides())
    refreshed, slugs = await step(refresh, name="refresh")(settings)
    made = await make_limits(slugs)
    report = summary(refreshed, made)
    await acreate_markdown_artifact(report, key="models")
    return report


def refresh(settings: Settings) -> tuple[Refresh, list[str]]:
    """The catalogue's refresh, and the models that cost nothing or that the crew is told to use."""
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        api = OpenRouterApi(settings.base_url, settings.api_key)
        try:
            price = unknown_price_of(settings)
            catalogue = ModelCatalogue(store, api, configured=settings.models, unknown_price_usd=price)
            refreshed = catalogue.refresh()
            used = [c for c in catalogue.candidates() if c.free or c.model in settings.models]
            return refreshed, sorted({candidate.slug for candidate in used})
        finally:
            api.close()


async def make_limits(slugs: list[str]) -> int:
    """Make the concurrency limits that are missing; how many there were."""
    async with get_client() as client:
        there: set[str] = set()
        while page := await client.read_global_concurrency_limits(limit=200, offset=len(there)):
            there |= {limit.name for limit in page}
        missing = {model_limit(slug) for slug in slugs} - there
        for name in sorted(missing):
            await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=SLOTS))
    return len(missing)


def summary(refreshed: Refresh, limits_made: int) -> str:
    """What the refresh found, as Markdown."""
    if refreshed.error:
        return f"The refresh failed, the last good list still stands: {refreshed.error}"
    lists = {"new": refreshed.appeared, "changed": refreshed.changed, "gone": refreshed.vanished}
    told = [f"- {word}: {', '.join(f'`{name}`' for name in names)}" for word, names in lists.items() if names]
    return "\n".join((f"{refreshed.models} models, {limits_made} new limits.", "", *told))
