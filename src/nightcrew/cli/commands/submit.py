"""`nightcrew submit-task`: submit a task; it is stored before the command returns."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, print_json
from nightcrew.cli.task_options import make_task
from nightcrew.cli.task_view import exit_code, print_task, task_json
from nightcrew.settings import load_settings
from nightcrew.task import SETTLED, Complexity, ExecutorName, TaskCategory, TaskPriority, TaskStatus

if TYPE_CHECKING:
    from nightcrew.queue.task_table import QueuedTask

POLL_SECONDS = 1.0


@app.command("submit-task")
def submit_task(
    description: Annotated[str, typer.Option(help="What to do, in plain words.")],
    task_type: Annotated[TaskCategory, typer.Option(help="The type of work; it selects the gates.")],
    target_file: Annotated[str | None, typer.Option(help="The file the task is about.")] = None,
    repo: Annotated[str, typer.Option(help="Path or URL of the git repository.")] = ".",
    base: Annotated[str, typer.Option(help="Commit, tag or branch to start from.")] = "HEAD",
    priority: Annotated[TaskPriority, typer.Option(help="The queue to wait in.")] = TaskPriority.NORMAL,
    quality_threshold: Annotated[
        float, typer.Option(help="Score from 0 to 1 that a change must reach.")
    ] = 0.7,
    complexity: Annotated[Complexity, typer.Option(help="How hard you think it is.")] = Complexity.MODERATE,
    max_cost_usd: Annotated[
        str | None, typer.Option(help="The most it may cost (0: free models only).")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Name of a batch; its tasks share a budget.")] = None,
    batch_cost_usd: Annotated[
        str | None, typer.Option(help="The most that all tasks of the batch together may cost.")
    ] = None,
    max_attempts: Annotated[int, typer.Option(help="The most attempts.")] = 3,
    max_seconds: Annotated[int, typer.Option(help="Seconds that all attempts together may take.")] = 1800,
    model: Annotated[list[str] | None, typer.Option(help="Use only this model; may be repeated.")] = None,
    executor: Annotated[ExecutorName | None, typer.Option(help="The executor (default: the plan's).")] = None,
    acceptance: Annotated[
        str | None, typer.Option(help="A command that must succeed with the change.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return only when the task has ended.")] = False,
    as_json: AsJson = False,
) -> int:
    """Submit a task. With --wait, the exit code tells the outcome."""
    from nightcrew.crew import dispatch
    from nightcrew.crew.status import status

    settings = load_settings()
    task = make_task(
        settings,
        description=description,
        repo=repo,
        task_type=task_type,
        target_file=target_file,
        base=base,
        priority=priority,
        complexity=complexity,
        quality_threshold=quality_threshold,
        max_cost_usd=_usd(max_cost_usd),
        batch=batch,
        batch_cost_usd=_usd(batch_cost_usd),
        max_attempts=max_attempts,
        max_seconds=max_seconds,
        models=tuple(model or ()),
        executor=executor,
        acceptance=acceptance,
    )
    with dispatch.open_queue(settings) as queue:
        queued = dispatch.submit(settings, task)
        while wait and queued.status not in SETTLED:
            time.sleep(POLL_SECONDS)
            dispatch.reconcile(settings)
            queued = queue.get(queued.task_id)
        attempts = queue.attempts(queued.task_id)
    if as_json:
        print_json(task_json(queued) | {"new": queued.is_new})
    elif wait:
        print_task(queued, attempts)
    else:
        console.print(_receipt(queued, running=status(settings).running), markup=False)
    return exit_code(queued) if wait else ExitCode.DONE


def _receipt(queued: "QueuedTask", *, running: bool) -> str:
    waiting = queued.status in {TaskStatus.PENDING, TaskStatus.QUEUED}
    first = f"{queued.task_id} is {queued.status} with priority {queued.task.priority}."
    if not queued.is_new and not queued.status.is_final:
        first = f"The same task was submitted before: {first}"
    if waiting and not running:
        return (
            f"{first}\nNo crew is running: start one with 'nightcrew run-engine'. The task waits until then."
        )
    return f"{first}\nFollow it with: nightcrew get-status --task-id {queued.task_id}"


def _usd(text: str | None) -> str | None:
    return None if text is None else text.removeprefix("$")
