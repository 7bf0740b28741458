"""What the events of a flow run name besides the run: its flow, deployment, work queue and work pool.

The worker has read them when it forks the run. Without them, Prefect reads each again from the server, over a
connection of its own.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

from prefect.events.related import RESOURCE_CACHE

if TYPE_CHECKING:
    from prefect.client.schemas.objects import Flow, FlowRun, WorkPool
    from prefect.client.schemas.responses import DeploymentResponse

VARIABLE = "NIGHTCREW_RUN_RESOURCES"


def resources_of(
    flow_run: FlowRun, deployment: DeploymentResponse | None, flow: Flow | None, work_pool: WorkPool | None
) -> str:
    """The known ones as JSON, for the child's `VARIABLE`."""
    known: list[dict[str, object]] = []

    def add(kind: str, key: object, identity: object, name: str | None, tags: list[str]) -> None:
        known.append({"kind": kind, "key": str(key), "id": str(identity), "name": name, "tags": tags})

    if flow:
        add("flow", flow.id, flow.id, flow.name, flow.tags or [])
    if deployment:
        add("deployment", deployment.id, deployment.id, deployment.name, deployment.tags or [])
    if flow_run.work_queue_id and flow_run.work_queue_name:
        add("work-queue", flow_run.work_queue_id, flow_run.work_queue_id, flow_run.work_queue_name, [])
    if work_pool:  # runs know it by its name
        add("work-pool", work_pool.name, work_pool.id, work_pool.name, [])
    return json.dumps(known)


def remember(text: str) -> None:
    """Fill Prefect's cache of a new child with what `resources_of` returned."""
    for known in json.loads(text):
        entry = SimpleNamespace(id=known["id"], name=known["name"], tags=known["tags"])
        RESOURCE_CACHE[f"{known['kind']}.{known['key']}"] = (
            {"kind": known["kind"], "object": entry},  # type: ignore[dict-item]
            datetime.now(UTC),  # type: ignore[assignment]
        )
