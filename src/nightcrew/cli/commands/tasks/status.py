"""Commands about submitted tasks: status, lists, details, cancelling, the queue."""

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.syntax import Syntax

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json, print_table, styled
from nightcrew.cli.task_view import COLUMNS, print_task, row, stored_verdict, task_json
from nightcrew.errors import BadInput
from nightcrew.settings import load_settings
from nightcrew.task import TaskPriority, TaskStatus

if TYPE_CHECKING:
    from nightcrew.queue.task_table import QueuedTask

TaskId = Annotated[
    str | None, typer.Argument(metavar="TASK_ID", help="The id printed by submit-task.", show_default=False)
]
TaskIdOption = Annotated[str | None, typer.Option("--task-id", help="The same, as an option.")]


@app.command("get-status")
def get_status(task_id: TaskId = None, named: TaskIdOption = None, as_json: AsJson = False) -> None:
    """Print the status of one task."""
    from nightcrew.crew import dispatch
    from nightcrew.crew.runs.reconciliation import reconcile

    task_id = _the_id(task_id, named)
    settings = load_settings()
    reconcile(settings)
    with dispatch.open_queue(settings) as queue:
        queued = queue.get(task_id)
        attempts = queue.attempts(task_id)
    print_json(task_json(queued)) if as_json else print_task(queued, attempts)


@app.command("list-tasks")
def list_tasks(
    status: Annotated[TaskStatus | None, typer.Option(help="Only tasks of this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The most tasks to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List tasks, the latest first."""
    from nightcrew.crew import dispatch
    from nightcrew.crew.runs.reconciliation import reconcile

    settings = load_settings()
    reconcile(settings)
    with dispatch.open_queue(settings) as queue:
        tasks = queue.list(status, limit)
    if as_json:
        print_json([task_json(queued) for queued in tasks])
    elif tasks:
        print_table("", COLUMNS, map(row, tasks))
    else:
        console.print("There are no such tasks. How to submit one: nightcrew submit-task --help")


@app.command("show-task")
def show_task(task_id: TaskId = None, named: TaskIdOption = None, as_json: AsJson = False) -> None:
    """Print all about one task. Shows attempts, verdict, findings, change and cost."""
    from nightcrew.crew import dispatch
    from nightcrew.work.results import results_of

    task_id = _the_id(task_id, named)
    settings = load_settings()
    with dispatch.open_queue(settings) as queue:
        queued, attempts = queue.get(task_id), queue.attempts(task_id)
    verdict = stored_verdict(results_of(settings, task_id).fetch())
    change = _stored_change(queued)
    if as_json:
        print_json(task_json(queued) | {"tries": attempts, "judged": verdict, "change": change})
        return
    print_task(queued, attempts)
    gates = verdict.get("gates", [])
    if gates:
        rows = [(gate["name"], styled(gate["outcome"]), gate["message"]) for gate in gates]
        print_table("What the gates found in the last attempt", ("gate", "outcome", "finding"), rows)
    if change:
        console.print(Syntax(change, "diff", background_color="default", word_wrap=True))


@app.command("cancel-task")
def cancel_task(task_id: TaskId = None, named: TaskIdOption = None, as_json: AsJson = False) -> None:
    """Cancel a task and end its processes."""
    from nightcrew.crew import dispatch

    queued = dispatch.cancel(load_settings(), _the_id(task_id, named))
    print_json(task_json(queued)) if as_json else console.print(f"{queued.task_id} is {queued.status}.")


@app.command("queue-stats")
def queue_stats(as_json: AsJson = False) -> None:
    """Count tasks by priority and status. Also tells whether the crew is stopped."""
    from nightcrew.crew import dispatch
    from nightcrew.crew.runs.reconciliation import reconcile
    from nightcrew.crew.stop import HOW_TO_RESUME, current_stop

    settings = load_settings()
    reconcile(settings)
    with dispatch.open_queue(settings) as queue:
        stats = queue.stats()
    stop = current_stop(settings)
    if as_json:
        counts = {"queues": stats.counts, "unfinished": stats.unfinished, "bound": stats.bound}
        print_json({**counts, "stopped": stop})
        return
    rows = [(name, *(stats.counts[name][status] for status in TaskStatus)) for name in TaskPriority]
    print_table("", ("queue", *TaskStatus), rows)
    console.print(f"{stats.unfinished} of at most {stats.bound} unfinished tasks.")
    if stop is not None:
        since = f"{stop.at:%Y-%m-%d %H:%M} UTC"
        console.print(f"The crew is stopped since {since}: {stop.message}", style="red")
        console.print(HOW_TO_RESUME)


# ---------------------------------------------------------------------------------------------------------


def _the_id(argument: str | None, option: str | None) -> str:
    """The id of the task, which every command takes in both ways."""
    given = [one for one in (argument, option) if one]
    if len(given) != 1:
        raise BadInput("name one task by its id, such as t-0123456789ab: 'nightcrew list-tasks' lists them")
    return given[0]


def _stored_change(queued: "QueuedTask") -> str:
    if queued.change_path:
        with suppress(OSError):
            return queued.read_change().encode(errors="surrogateescape").decode(errors="replace")
    return ""
