"""Looks at a watched repository on GitHub: issues become tasks, and one comment each tells how it goes."""

from prefect import flow
from prefect.runtime import flow_run

from blocks.crew import settings_overrides
from flows.notices import announce
from flows.steps import step
from nightcrew.crew.notice import Notice
from nightcrew.settings import load_settings
from nightcrew.watch.look import look
from nightcrew.watch.terms import Watch


def _name_of_run() -> str:
    return f"watch {Watch.model_validate(flow_run.parameters['watch']).repo}"


@flow(name="watch-repository", flow_run_name=_name_of_run)
async def watch_repository(watch: Watch) -> str:
    """Look at a repository once.

    Args:
        watch: The repository, who may ask there, and within which limits.
    """
    settings = load_settings(**await settings_overrides())
    looked = await step(look, name="look")(settings, watch)
    for task_id in looked.merged:
        message = f"Task {task_id}: its pull request was merged"
        await announce(
            Notice.TASK_MERGED, about=f"{Notice.TASK_MERGED}.{task_id}", message=message, task_id=task_id
        )
    return str(looked)
