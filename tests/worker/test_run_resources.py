"""The events of a flow run name what belongs to it, and ask the server for none of it."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import Flow, FlowRun, WorkPool
from prefect.context import FlowRunContext
from prefect.events.related import RESOURCE_CACHE, related_resources_from_run_context

from nightcrew.worker.run_resources import remember, resources_of

FLOW = Flow(id=uuid4(), name="run-task", labels={})
POOL = WorkPool(id=uuid4(), name="nightcrew", type="nightcrew-warm", default_queue_id=uuid4())
DEPLOYMENT: Any = SimpleNamespace(id=uuid4(), name="normal", tags=["crew"])
RUN = FlowRun(
    id=uuid4(),
    name="unit_test pricing.py t-1",
    flow_id=FLOW.id,
    deployment_id=DEPLOYMENT.id,
    work_queue_id=uuid4(),
    work_queue_name="high",
    work_pool_name="nightcrew",
)


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    RESOURCE_CACHE.clear()
    yield
    RESOURCE_CACHE.clear()


async def related() -> dict[str, str]:
    """The role and name of each resource of an event in the run; no server answers the client."""
    with FlowRunContext.model_construct(flow_run=RUN):
        found = await related_resources_from_run_context(PrefectClient("http://127.0.0.1:9/api"))
    return {one["prefect.resource.role"]: one.get("prefect.resource.name") or one.id for one in found}


def test_a_child_with_the_resources_reads_nothing() -> None:
    remember(resources_of(RUN, DEPLOYMENT, FLOW, POOL))
    assert asyncio.run(related()) == {
        "flow-run": RUN.name,
        "flow": "run-task",
        "deployment": "normal",
        "work-queue": "high",
        "work-pool": "nightcrew",
        "tag": "prefect.tag.crew",
    }


def test_what_the_worker_does_not_know_is_left_out() -> None:
    remember(resources_of(RUN, None, FLOW, None))
    assert sorted(key.partition(".")[0] for key in RESOURCE_CACHE) == ["flow", "work-queue"]
