"""Prefect events for what a person should hear of at once; automations turn them into messages."""

import logging

from prefect.events import Event, RelatedResource, Resource, get_events_client
from prefect.runtime import flow_run

from nightcrew.crew.notice import Notice

log = logging.getLogger(__name__)

RECONNECTIONS = 2


async def announce(notice: Notice, *, about: str, message: str, task_id: str = "") -> None:
    """Send the event and wait until the server has it: the process may end right after.

    If the event cannot be sent, a warning is logged and the work continues.
    """
    run = f"prefect.flow-run.{flow_run.id}"
    event = Event(
        event=notice,
        resource=Resource({"prefect.resource.id": about, "prefect.resource.name": about}),
        related=[RelatedResource({"prefect.resource.id": run, "prefect.resource.role": "flow-run"})],
        payload={"message": message, "task": task_id},
    )
    try:
        async with get_events_client(RECONNECTIONS, checkpoint_every=1) as client:
            await client.emit(event)
    except Exception as error:
        log.warning("the event %s could not be sent: %s", notice, error)
