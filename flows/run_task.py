"""The main flow: one development task, from selecting a model to a recorded verdict."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH
from prefect.states import Cancelled, Completed, Failed

from flows.later import wait_for_models, wait_for_services
from flows.review import ask_a_person
from flows.step_names import name_of_step
from flows.steps import in_model_slot, step
from flows.task_context import give_up, working_on
from nightcrew.task import Task, TaskPriority, TaskStatus
from nightcrew.work import delivering, steps
from nightcrew.work.outcome import Outcome

select_model = step(steps.select_model, name="select-model", run_name=name_of_step)
execute = in_model_slot(step(steps.execute, name="execute", run_name=name_of_step))
validate = step(steps.validate, name="validate", run_name=name_of_step)
record = step(steps.record, name="record", run_name=name_of_step)
deliver = step(delivering.deliver, name="deliver")


# A result stays in the process. Without these arguments, each run asks the server where to keep it.
@flow(name="run-task", persist_result=False, result_storage=PREFECT_LOCAL_STORAGE_PATH.value())
async def run_task(task: Task) -> State[Any]:
    """Do one development task. It ends as Accepted only if a verdict on evidence says so.

    If the gates cannot measure the change, it waits for a person and may end as AcceptedByAPerson.

    Args:
        task: What to do, in which repository, within which limits.
    """
    task = _with_id(task)
    try:
        outcome = await do(task)
    except Exception as error:
        await wait_for_services(error)
        outcome = await give_up(task, error)
    return final_state(outcome)


async def do(task: Task) -> Outcome:
    """Select a model, execute, validate, record; repeat while the verdict and the limits require it.

    An accepted change is delivered, where a branch is asked for. A change that cannot be measured is put to
    a person. A task that must wait for free calls or models is rescheduled; the run then restarts here and
    restores its earlier attempts.
    """
    async with working_on(task) as work:
        while work.outcome is None:
            if work.question:
                await ask_a_person(work)
                continue
            if work.accepted:
                await deliver(work)
                continue
            plan = await select_model(work)
            if work.wait is not None:
                await wait_for_models(work)
                continue
            attempt = await execute(work, plan)
            verdict = await validate(work, attempt)
            await record(work, attempt, verdict)
    return work.outcome


def final_state(outcome: Outcome) -> State[Any]:
    """The outcome as a Prefect state; Completed only if evidence or a person accepted the change."""
    match outcome.status:
        case TaskStatus.COMPLETED:
            return Completed(name=outcome.name, message=outcome.detail)
        case TaskStatus.CANCELLED:
            return Cancelled(message=outcome.detail)
    return Failed(name=outcome.name, message=outcome.detail)


def _with_id(task: Task) -> Task:
    """A task without an id gets its run's id, which stays the same when the run restarts, and the priority
    of the queue that it waited in."""
    if "task_id" in task.model_fields_set:
        return task
    context = FlowRunContext.get()
    queue = context.flow_run.work_queue_name if context and context.flow_run else None
    priority = TaskPriority(queue) if queue in list(TaskPriority) else task.priority
    known = {"task_id": f"t-{str(flow_run.id).replace('-', '')[:12]}", "priority": priority}
    return task.model_copy(update=known)
