"""`nightcrew submit-task`: submit one task now."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, print_json
from nightcrew.cli.task_options import check_models, make_task, with_task_options
from nightcrew.cli.task_view import exit_code, print_task, task_json
from nightcrew.settings import load_settings
from nightcrew.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nightcrew.queue.task_table import QueuedTask


@app.command("submit-task")
@with_task_options()
def submit_task(
    fields: dict[str, Any],
    wait: Annotated[bool, typer.Option("--wait", help="Return only when the task has ended.")] = False,
    as_json: AsJson = False,
) -> int:
    """Submit a task. With --wait, the exit code tells the outcome."""
    from nightcrew.crew import dispatch
    from nightcrew.crew.status import status

    settings = load_settings()
    task = make_task(settings, fields)
    check_models(settings)
    queued = dispatch.submit(settings, task)
    is_new = queued.is_new
    attempts: Sequence[Mapping[str, Any]] = ()
    if wait:
        from nightcrew.cli.commands.tasks.waiting import wait_for

        task_id = queued.task_id
        goes_on = (
            f"{task_id} goes on without you. Follow it with: nightcrew get-status {task_id}; "
            f"end it with: nightcrew cancel-task {task_id}"
        )
        with dispatch.open_queue(settings) as queue:
            [queued] = wait_for(settings, lambda: [queue.get(task_id)], interrupted=goes_on)
            attempts = queue.attempts(task_id)
    if as_json:
        print_json(task_json(queued) | {"new": is_new})
    elif wait:
        print_task(queued, attempts)
    else:
        console.print(_receipt(queued, running=status(settings).running))
    return exit_code(queued) if wait else ExitCode.DONE


# ---------------------------------------------------------------------------------------------------------


def _receipt(queued: "QueuedTask", *, running: bool) -> str:
    waiting = queued.status in {TaskStatus.PENDING, TaskStatus.QUEUED}
    first = f"{queued.task_id} is {queued.status} with priority {queued.task.priority}."
    if not queued.is_new and not queued.status.is_final:
        first = f"The same task was submitted before: {first}"
    if waiting and not running:
        return (
            f"{first}\nNo crew is running: start one with 'nightcrew run-engine'. The task waits until then."
        )
    return f"{first}\nFollow it with: nightcrew get-status {queued.task_id}"
