"""Does one task in this process, from its first plan to its outcome: the flow's steps without Prefect."""

from collections.abc import Callable
from uuid import uuid4

from nightcrew.errors import BadInput
from nightcrew.host.process_id import this_process
from nightcrew.queue.reviews import Answer
from nightcrew.queue.state_store import is_down
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import Task, TaskStatus
from nightcrew.work.crew import Crew
from nightcrew.work.delivering import deliver
from nightcrew.work.obstacles import outcome_of_wait
from nightcrew.work.outcome import Outcome, outcome_of
from nightcrew.work.question import put_question, take
from nightcrew.work.start import is_worked_on, start_work
from nightcrew.work.steps import execute, record, select_model, validate
from nightcrew.work.work import Work

type Report = Callable[[str], object]


def do_task(crew: Crew, task: Task, *, report: Report = lambda line: None) -> Work:
    """Do one task until it has ended or waits for a person; `report` is called with a line about each step.

    A task that is queued without a flow run, or that an earlier process left unfinished, is continued.

    Raises:
        BadInput: the task is invalid, or the same task waits or runs elsewhere.
        Transient: the state store cannot be reached; the same command continues the task.
    """
    queued = crew.queue.submit(task, status=TaskStatus.QUEUED)  # workers only take pending tasks
    if not queued.is_new and not queued.status.is_final and not _is_free(crew, queued):
        raise BadInput(
            f"the same task was submitted before: {queued.task_id} is {queued.status}; "
            f"follow it with 'nightcrew get-status {queued.task_id}'"
        )
    return _go_on(start_work(crew, queued), report)


def answer_here(crew: Crew, task_id: str, answer: Answer, *, report: Report = lambda line: None) -> Work:
    """Apply a person's answer to a waiting task, and continue with it.

    Raises:
        BadInput: the answer cannot be applied; the task still waits.
    """
    work = start_work(crew, crew.queue.get(task_id))
    problem = take(work, answer) if work.question else f"task {task_id} does not wait for a person"
    if problem:
        _ask(work)
        raise BadInput(problem)
    return _go_on(work, report)


# ---------------------------------------------------------------------------------------------------------


def _is_free(crew: Crew, queued: QueuedTask) -> bool:
    """True for a task that no flow run and no other process works on."""
    waits = queued.status in {TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.RUNNING}
    return (
        waits and queued.flow_run_id is None and not is_worked_on(crew.store, queued, but_for=this_process())
    )


def _go_on(work: Work, report: Report) -> Work:
    try:
        while work.outcome is None and not work.question:
            _attempt(work, report)
    except KeyboardInterrupt:
        work.finish(Outcome(TaskStatus.CANCELLED, "interrupted"))
    except Exception as error:
        if is_down(error):
            raise  # the outcome cannot be recorded now
        work.finish(outcome_of(error, work.trials))
    finally:
        work.close()
    _ask(work)
    return work


def _attempt(work: Work, report: Report) -> None:
    if work.accepted is not None:
        report("the change is accepted; delivering it")
        deliver(work)
        return
    plan = select_model(work)
    if work.wait is not None:
        work.finish(outcome_of_wait(work.wait))
        return
    rung = plan.rungs[0]
    report(f"attempt {len(work.trials) + 1}: {rung.executor} with {rung.model}")
    attempt = execute(work, plan)
    report(f"the attempt ended: {attempt.end}, {attempt.calls} calls; judging it")
    verdict = validate(work, attempt)
    report(f"verdict: {verdict.kind}, score {verdict.score:.2f}")
    record(work, attempt, verdict)


def _ask(work: Work) -> None:
    if work.question:
        put_question(work, f"review-{uuid4().hex[:12]}", "")
