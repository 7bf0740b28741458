"""Prefect automations: a run without heartbeats is marked as crashed, and a person is notified.

Prefect accepts a second automation with the same name, so each is looked up by name first.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from prefect.automations import EventTrigger, Posture
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import BlockDocument, StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore

from nightcrew.crew.bootstrap import CRASH_RULE
from nightcrew.crew.notice import EACH_TASK, Notice
from nightcrew.crew.runs.flow_runs import SILENT

SILENCE = timedelta(seconds=90)  # three heartbeats

NOTIFY_BLOCK = "nightcrew-notify"
NOTIFY = "nightcrew: tell a person"
TASKS_BLOCK = "nightcrew-tasks"
EACH = "nightcrew: tell of each task"
QUIET = timedelta(hours=1)  # at most one message per subject: a stopped crew stops many tasks
BODY = "{{ event.payload.message }}"
PAYLOAD = (
    '{"id": {{ event.id | string | tojson }}, "at": {{ event.occurred.isoformat() | tojson }}, '
    '"event": {{ event.event | tojson }}, "task": {{ event.payload.task | tojson }}, '
    '"message": {{ event.payload.message | tojson }}}'
)
WEBHOOKS = frozenset({"webhook", "nightcrew-signed-webhook"})  # slugs of blocks that programs get events by


async def make_automations(client: PrefectClient) -> list[str]:
    """Create, update or remove our automations; returns one line for each change."""
    found = await client.read_block_documents(include_secrets=False)
    people = [block for block in found if block.name == NOTIFY_BLOCK]
    programs = [block for block in found if block.name == TASKS_BLOCK]
    return [
        *await _put(client, _zombies()),
        *(await _put(client, _notify(people)) if people else await _remove(client, NOTIFY)),
        *(await _put(client, _each_task(programs)) if programs else await _remove(client, EACH)),
    ]


# ---------------------------------------------------------------------------------------------------------


def _zombies() -> AutomationCore:
    return AutomationCore(
        name=CRASH_RULE,
        description="The worker or its machine died: the run has Crashed, its task goes back to the queue.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=SILENT, force=False)],
    )


def _notify(blocks: Sequence[BlockDocument]) -> AutomationCore:
    return AutomationCore(
        name=NOTIFY,
        description=f"A task waits for a person, a budget is reached, the crew has stopped, or the digest is "
        f"there: the blocks named {NOTIFY_BLOCK} say so.",
        trigger=EventTrigger(
            expect={notice.value for notice in Notice if notice not in EACH_TASK},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=QUIET,
        ),
        actions=[_message(block) for block in blocks],
    )


def _each_task(blocks: Sequence[BlockDocument]) -> AutomationCore:
    return AutomationCore(
        name=EACH,
        description=f"A task was completed, failed, delivered or merged: the blocks named {TASKS_BLOCK} "
        "say so.",
        trigger=EventTrigger(
            expect={notice.value for notice in EACH_TASK},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[_message(block) for block in blocks],
    )


def _message(block: BlockDocument) -> CallWebhook | SendNotification:
    if block.block_type is not None and block.block_type.slug in WEBHOOKS:
        return CallWebhook(block_document_id=block.id, payload=PAYLOAD)
    return SendNotification(block_document_id=block.id, subject="Nightcrew: {{ event.event }}", body=BODY)


async def _put(client: PrefectClient, wanted: AutomationCore) -> list[str]:
    found = await client.read_automations_by_name(wanted.name)
    for surplus in found[1:]:
        await client.delete_automation(surplus.id)
    if not found:
        await client.create_automation(wanted)
        return [f"created automation {wanted.name!r}"]
    if _same_rule(found[0], wanted):
        return []
    await client.update_automation(found[0].id, wanted)
    return [f"updated automation {wanted.name!r}"]


async def _remove(client: PrefectClient, name: str) -> list[str]:
    found = await client.read_automations_by_name(name)
    for automation in found:
        await client.delete_automation(automation.id)
    return [f"removed automation {name!r}"] if found else []


def _same_rule(first: AutomationCore, second: AutomationCore) -> bool:
    def rule(automation: AutomationCore) -> Any:
        trigger = automation.trigger.model_dump(mode="json", exclude={"id", "type"})
        plain = {key: sorted(value) if isinstance(value, list) else value for key, value in trigger.items()}
        return plain, [action.model_dump(mode="json") for action in automation.actions]

    return bool(rule(first) == rule(second))
