"""Measures a repository, and submits tasks about the modules with the least proof, within a budget."""

import asyncio

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.runtime import flow_run

from blocks.crew import settings_overrides
from flows.steps import step
from nightcrew.secrets.redaction import redact
from nightcrew.settings import load_settings
from nightcrew.work.sweep.sweep import sweep, sweep_page
from nightcrew.work.sweep.terms import Sweep


def _name_of_run() -> str:
    return f"sweep {Sweep.model_validate(flow_run.parameters['terms']).repo}"


@flow(name="sweep-repository", flow_run_name=_name_of_run)
async def sweep_repository(terms: Sweep) -> str:
    """Measure a repository once; what comes of its tasks is in the morning's digest.

    Args:
        terms: The repository, and how much may be submitted and spent.
    """
    settings = load_settings(**await settings_overrides())
    found = await step(sweep, name="sweep")(settings, terms)
    text = await asyncio.to_thread(sweep_page, found)
    await acreate_markdown_artifact(redact(text), key="sweep", description=str(found))
    return str(found)
