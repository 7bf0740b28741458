"""Set-up and clean-up around a task: opens the crew, updates queue and UI, records the outcome."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from prefect import get_client
from prefect.artifacts import acreate_markdown_artifact, acreate_progress_artifact, aupdate_progress_artifact
from prefect.context import FlowRunContext
from prefect.exceptions import Abort
from prefect.runtime import flow_run

from blocks.crew import settings_overrides
from flows.later import wait_until_resumed
from flows.log_lines import follow_steps
from flows.notices import announce
from flows.outage import is_away
from nightcrew.crew.dispatch import open_queue, run_name, run_tags
from nightcrew.crew.notice import Notice
from nightcrew.errors import AccountStopped, BadInput, NightcrewError
from nightcrew.logs.context import log_for_task
from nightcrew.queue.audit.actor import act_through
from nightcrew.queue.delivery import DeliveryStatus
from nightcrew.queue.state_store import is_down
from nightcrew.secrets.redaction import redact
from nightcrew.settings import load_settings
from nightcrew.task import FailureReason, Task, TaskStatus
from nightcrew.work.crew import Crew, open_crew
from nightcrew.work.outcome import Judged, Outcome, outcome_of
from nightcrew.work.page import page
from nightcrew.work.start import WorkedOnElsewhere, start_work
from nightcrew.work.work import Work

log = logging.getLogger(__name__)

SHOWN = "the crew's password"  # by whoever creates a flow run
SECONDS_OF_PROGRESS = 10.0  # between two messages to the UI


@asynccontextmanager
async def working_on(task: Task) -> AsyncIterator[Work]:
    """Open the work on a task. An error inside ends the task with an outcome; it does not crash the flow."""
    settings = load_settings(**await settings_overrides())
    follow_steps()
    log_for_task(task.task_id, str(flow_run.id))
    act_through(_origin(), token=SHOWN)
    with open_crew(settings) as crew:
        work = await asyncio.to_thread(_begin, crew, task, str(flow_run.id))
        progress = await _show(work)
        try:
            yield work
        except AccountStopped as stop:
            _log(task, stop)
            await wait_until_resumed(work, stop)
        except Exception as error:
            if is_down(error) or is_away(error):
                raise  # the outcome cannot be recorded now, or is none of the task's
            _log(task, error)
            await asyncio.to_thread(work.finish, await _outcome_of(error, work.trials))
        finally:
            await asyncio.to_thread(work.close)
        if work.outcome is not None:
            await aupdate_progress_artifact(progress, 100.0)
            await acreate_markdown_artifact(
                redact(page(work.queued, work.outcome, work.trials, work.plans)), key="verdict"
            )
            await _tell_of(work, work.outcome)
            if work.outcome.reason is FailureReason.BUDGET:
                message = f"Task {work.task.task_id} stopped: {work.outcome.detail}"
                await announce(
                    Notice.BUDGET_REACHED,
                    about="nightcrew.budget",
                    message=message,
                    task_id=work.task.task_id,
                )


async def give_up(task: Task, error: Exception) -> Outcome:
    """End a task that could not be started."""
    _log(task, error)
    outcome = await _outcome_of(error, ())
    await asyncio.to_thread(_enter, task, outcome)
    if outcome.status is TaskStatus.FAILED:
        await _tell(Notice.TASK_FAILED, task.task_id, outcome)
    return outcome


# ---------------------------------------------------------------------------------------------------------


async def _tell_of(work: Work, outcome: Outcome) -> None:
    """Send the events about the end of a task, for programs that wait for them."""
    if outcome.is_unchanged:  # a round without a new change is no news
        return
    task_id, delivery = work.task.task_id, work.queued.delivery
    kinds = {TaskStatus.COMPLETED: Notice.TASK_COMPLETED, TaskStatus.FAILED: Notice.TASK_FAILED}
    found = [kinds[outcome.status]] if outcome.status in kinds else []
    if delivery is not None and delivery.status is DeliveryStatus.DELIVERED:
        found.append(Notice.TASK_DELIVERED)
    for notice in found:
        await _tell(notice, task_id, outcome)


async def _tell(notice: Notice, task_id: str, outcome: Outcome) -> None:
    message = f"Task {task_id}: {redact(outcome.detail)}"
    await announce(notice, about=f"{notice}.{task_id}", message=message, task_id=task_id)


def _begin(crew: Crew, task: Task, flow_run_id: str) -> Work:
    """Take the task from the queue; one from elsewhere (UI, CI, cron) is submitted first."""
    queued = crew.queue.submit(task)
    if queued.task_id != task.task_id:
        raise BadInput(f"task {queued.task_id} asks for the same and has not ended")
    try:
        return start_work(crew, queued, flow_run_id=flow_run_id)
    except WorkedOnElsewhere as error:
        raise Abort("started a second time") from error


def _origin() -> str:
    """What created the run, as Prefect knows it: a schedule, an automation, or a client with the password."""
    context = FlowRunContext.get()
    creator = context.flow_run.created_by if context and context.flow_run else None
    kind = creator.type.lower() if creator and creator.type else "client"
    return f"Prefect's API ({kind} {creator.display_value})" if creator else "Prefect's API"


def _enter(task: Task, outcome: Outcome) -> None:
    with (
        open_queue(load_settings()) as queue,
        suppress(BadInput),
    ):  # the task is unknown to the queue, or has ended
        queue.update(
            task.task_id, status=outcome.status, failure_reason=outcome.reason, detail=outcome.detail
        )


async def _outcome_of(error: Exception, trials: Sequence[Judged]) -> Outcome:
    """The task's outcome after an error; in a run that is being cancelled, the cancellation is the cause."""
    with suppress(Exception):  # the first error matters more than a failed lookup
        async with get_client() as client:
            state = (await client.read_flow_run(UUID(flow_run.id))).state
            if state and (state.is_cancelling() or state.is_cancelled()):
                return Outcome(TaskStatus.CANCELLED, "cancelled in Prefect")
    return outcome_of(error, trials)


def _log(task: Task, error: Exception) -> None:
    """Log one line for an expected error, the whole traceback for an unexpected one."""
    unforeseen = None if isinstance(error, NightcrewError) else error
    log.error("the work on task %s stopped: %s", task.task_id, error, exc_info=unforeseen)


async def _show(work: Work) -> UUID:
    """Add tags, name and a progress artifact, so that the run is easy to follow in the UI."""
    name, tags = run_name(work.task), set(flow_run.tags or ()) | set(run_tags(work.task))
    if name != flow_run.name or tags != set(flow_run.tags or ()):  # started by hand, by cron or from CI
        async with get_client() as client:
            await client.update_flow_run(UUID(flow_run.id), name=name, tags=sorted(tags))
    progress = await acreate_progress_artifact(0.0, key="progress", description=f"Task {work.task.task_id}")
    loop, shown_at = asyncio.get_running_loop(), time.monotonic()

    def report_share(share: float) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at < SECONDS_OF_PROGRESS:
            return
        shown_at = time.monotonic()
        asyncio.run_coroutine_threadsafe(aupdate_progress_artifact(progress, share * 100), loop)

    work.on_progress = report_share
    return progress
