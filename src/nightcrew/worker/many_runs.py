"""A route of the crew's own Prefect server that creates many scheduled flow runs at once.

Prefect's own route for many takes 60 ms of CPU a run: each is checked against the schema of a deployment,
written and read by itself, and its first state is an event for all automations. This one writes them as
Prefect's scheduler writes the runs of a schedule: by the same function, in one transaction, without events.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, HTTPException, Path
from prefect.server import models
from prefect.server.api import deployments
from prefect.server.database import PrefectDBInterface, provide_database_interface
from prefect.server.database.orm_models import Deployment
from prefect.server.events.ordering import get_triggers_causal_ordering
from prefect.server.events.schemas.events import ReceivedEvent, Resource
from prefect.server.schemas.states import State, StateDetails, StateType
from pydantic import BaseModel, Field
from sqlalchemy import select

from nightcrew.crew.dispatch import MOST_IN_A_REQUEST

# Prefect's types say nothing of what its decorator for sessions returns.
stored: Any = models.deployments
ROUTE = "/{id:uuid}/create_flow_run/scheduled"


class NewRun(BaseModel):
    """A flow run to create; there is at most one with its key."""

    name: str
    parameters: dict[str, Any]
    idempotency_key: str = Field(min_length=1)
    tags: list[str] = []


def add_route() -> None:
    """Add the route to Prefect's; to be called before its application is made."""
    deployments.router.add_api_route(ROUTE, create_scheduled_runs, methods=["POST"])


async def create_scheduled_runs(
    runs: Annotated[list[NewRun], Field(min_length=1, max_length=MOST_IN_A_REQUEST)],
    deployment_id: Annotated[UUID, Path(alias="id")],
    db: Annotated[PrefectDBInterface, Depends(provide_database_interface)],
) -> list[UUID]:
    """Create those that are not there yet, to start in this order; the ids of all, in this order."""
    keys = [run.idempotency_key for run in runs]
    async with db.session_context(begin_transaction=True) as session:
        deployment = await stored.read_deployment(session=session, deployment_id=deployment_id)
        if deployment is None:
            raise HTTPException(404, "Deployment not found")
        labels = await stored.with_system_labels_for_deployment_flow_run(
            session=session, deployment=deployment
        )
        begin, step = datetime.now(UTC), timedelta(microseconds=1)
        rows = [_row(run, deployment, labels, begin + number * step) for number, run in enumerate(runs)]
        rows.sort(key=lambda row: str(row["idempotency_key"]))  # two requests do not wait for each other
        await stored._insert_scheduled_flow_runs(session=session, runs=rows)
        query = select(db.FlowRun.idempotency_key, db.FlowRun.id).where(
            db.FlowRun.flow_id == deployment.flow_id, db.FlowRun.idempotency_key.in_(keys)
        )
        found = dict((await session.execute(query)).tuples().all())
        await _count_as_seen(rows)
    return [found[key] for key in keys]


# ---------------------------------------------------------------------------------------------------------


def _row(run: NewRun, deployment: Deployment, labels: Mapping[str, Any], begin: datetime) -> dict[str, Any]:
    run_id = uuid4()
    details = StateDetails.model_validate({"flow_run_id": run_id, "scheduled_time": begin})
    state = State(type=StateType.SCHEDULED, name="Scheduled", state_details=details)
    return {
        "id": run_id,
        "name": run.name,
        "flow_id": deployment.flow_id,
        "deployment_id": deployment.id,
        "deployment_version": deployment.version,
        "work_queue_name": deployment.work_queue_name,
        "work_queue_id": deployment.work_queue_id,
        "infrastructure_document_id": deployment.infrastructure_document_id,
        "parameters": {**deployment.parameters, **run.parameters},
        "idempotency_key": run.idempotency_key,
        "tags": sorted({*deployment.tags, *run.tags}),
        "labels": dict(labels),
        "auto_scheduled": False,
        "state": state.model_dump(),
        "state_type": state.type,
        "state_name": state.name,
        "state_timestamp": state.timestamp,
        "next_scheduled_start_time": begin,
        "expected_start_time": begin,
    }


async def _count_as_seen(rows: Sequence[Mapping[str, Any]]) -> None:
    """Let no one wait for events of these runs' first states: the next ones would be held back."""
    ordering = get_triggers_causal_ordering()
    for row in rows:
        of_run = Resource({"prefect.resource.id": f"prefect.flow-run.{row['id']}"})
        state = row["state"]
        event = ReceivedEvent(
            id=state["id"], occurred=state["timestamp"], event="prefect.flow-run.Scheduled", resource=of_run
        )
        await ordering.record_event_as_seen(event)
