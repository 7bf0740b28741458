"""Prepares a Prefect server for the crew: pool, queues, limits, automations, block types, deployments.

It is idempotent (`python -m deployments.bootstrap`): existing objects are kept. The server is the one of
`PREFECT_API_URL`.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound
from prefect.workers.base import BaseWorker

from blocks.crew import CrewPolicy, ModelAccount
from blocks.messages import Email, SignedWebhook
from deployments.automations import make_automations
from nightcrew import host
from nightcrew.crew.dispatch import POOL, WORKER_TYPE
from nightcrew.logs.process import log_as_the_crew
from nightcrew.task import TaskPriority
from nightcrew.worker.refusal import PRELOAD

log = logging.getLogger("deployments.bootstrap")

OURS = ("NIGHTCREW_*", "PREFECT_*", "DO_NOT_TRACK", *host.NETWORK)
DEPLOY_SECONDS = 600.0

type Change = str


async def bootstrap(project: Path, *, pool_type: str = WORKER_TYPE) -> list[Change]:
    """Create what is missing; returns one line for each object that was created or changed.

    `pool_type` may also be Prefect's own, slower `process`.
    """
    async with get_client() as client:
        changes = [
            *await _make_pool(client, project, pool_type),
            *await _make_queues(client),
            *await make_automations(client),
        ]
    for block in (ModelAccount, CrewPolicy, SignedWebhook, Email):
        await block.register_type_and_schema()
    return changes


async def deploy(project: Path, names: Sequence[str] | None = None) -> None:
    """Create or update the deployments of `prefect.yaml` with these names; None: all of them.

    Raises:
        RuntimeError: Prefect refused; its message is passed on.
    """
    if names is not None and not names:
        return
    chosen = ["--all"] if names is None else [word for name in names for word in ("--name", name)]
    command = host.python("prefect", "--no-prompt", "deploy", *chosen)
    env = host.environment(*OURS, PYTHONPATH=str(project))
    ended = await asyncio.to_thread(host.run, command, env=env, folder=project, seconds=DEPLOY_SECONDS)
    if ended.returncode:
        raise RuntimeError((ended.stdout + ended.stderr).decode(errors="replace"))


# ---------------------------------------------------------------------------------------------------------


async def _make_pool(client: PrefectClient, project: Path, pool_type: str) -> list[Change]:
    template = _job_template(pool_type, project)
    try:
        pool = await client.read_work_pool(POOL)
    except ObjectNotFound:
        pool = None
    if pool is not None and pool.type != pool_type:
        await client.delete_work_pool(
            POOL
        )  # a pool's type cannot be changed; `deploy` re-attaches the deployments
        pool = None
    if pool is None:
        create = WorkPoolCreate(
            name=POOL, type=pool_type, description="Development tasks.", base_job_template=template
        )
        await client.create_work_pool(create)
        return [f"created work pool {POOL} of type {pool_type}"]
    return await _update_pool(client, pool, template)


async def _update_pool(client: PrefectClient, pool: WorkPool, template: dict[str, Any]) -> list[Change]:
    if pool.base_job_template == template:
        return []
    await client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
    return [f"updated the job template of work pool {POOL}"]


def _job_template(pool_type: str, project: Path) -> dict[str, Any]:
    """The worker's default template, with one interpreter less per run.

    Our worker runs in the project's folder of its own host; Prefect's gets this host's.
    """
    worker = BaseWorker.get_worker_class_from_type(pool_type)
    if worker is None:
        raise RuntimeError(f"there is no worker type {pool_type}")
    template = worker.get_default_base_job_template()
    properties = template["variables"]["properties"]
    if pool_type == WORKER_TYPE:
        properties["preload"]["default"] = list(PRELOAD)
    else:
        properties["working_dir"]["default"] = str(project)
        properties["command"]["default"] = "python -m prefect.engine"
    return template


async def _make_queues(client: PrefectClient) -> list[Change]:
    """Create one queue for each priority (1 is served first); Prefect's `default` queue comes last."""
    changes = []
    for number, priority in enumerate(TaskPriority, start=1):
        try:
            queue = await client.read_work_queue_by_name(priority, work_pool_name=POOL)
        except ObjectNotFound:
            await client.create_work_queue(priority, priority=number, work_pool_name=POOL)
            changes.append(f"created work queue {priority}")
            continue
        if queue.priority != number:
            await client.update_work_queue(queue.id, priority=number)
            changes.append(f"reset work queue {priority} to priority {number}")
    return changes


async def _main(project: Path, names: Sequence[str] | None) -> None:
    for change in await bootstrap(project):
        log.info("%s", change)
    await deploy(project, names)


if __name__ == "__main__":
    only = sys.argv[2:] if sys.argv[1:2] == ["--only"] else None
    log_as_the_crew()
    log.setLevel(logging.INFO)
    asyncio.run(_main(Path.cwd(), only))
