"""`nightcrew submit-task` and `schedule`: submit a task now, or again and again."""

import time
from enum import StrEnum
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.app import AsJson, ExitCode, Goodbye, app
from nightcrew.cli.output import console, print_json, print_table
from nightcrew.cli.task_options import check_prices, make_task, with_task_options
from nightcrew.cli.task_view import exit_code, print_task, task_json
from nightcrew.errors import BadInput
from nightcrew.settings import Settings, load_settings
from nightcrew.task import SETTLED, Task, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nightcrew.crew.schedules import TaskSchedule
    from nightcrew.queue.task_table import QueuedTask

POLL_SECONDS = 1.0


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
    check_prices(settings)
    queued = dispatch.submit(settings, task)
    is_new = queued.is_new
    attempts: Sequence[Mapping[str, Any]] = ()
    if wait:
        queued, attempts = _settled(settings, queued)
    if as_json:
        print_json(task_json(queued) | {"new": is_new})
    elif wait:
        print_task(queued, attempts)
    else:
        console.print(_receipt(queued, running=status(settings).running), markup=False)
    return exit_code(queued) if wait else ExitCode.DONE


class Action(StrEnum):
    """What to do with a schedule."""

    ADD = "add"
    LIST = "list"
    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"


@app.command("schedule")
@with_task_options(
    [name for name in Task.model_fields if name != "task_id"],
    optional=frozenset({"description", "task_type"}),
)
def schedule(
    fields: dict[str, Any],
    action: Annotated[Action, typer.Argument(help="What to do; all but list need --name.")],
    name: Annotated[str, typer.Option("--name", help="The schedule's name.")] = "",
    cron: Annotated[str, typer.Option(help="Minute, hour, day, month, weekday: '0 2 * * 1-5'.")] = "",
    timezone: Annotated[str, typer.Option(help="The time zone of --cron.")] = "UTC",
    as_json: AsJson = False,
) -> int:
    """Submit a task at set times. Lists, pauses and removes such schedules too."""
    from nightcrew.crew import schedules
    from nightcrew.crew.status import status

    settings = load_settings()
    services = status(settings)
    if not services.running:
        raise BadInput("no crew is running, and its Prefect server has the schedules: nightcrew run-engine")
    api = services.api()
    if action is not Action.LIST and not name:
        raise BadInput(f"schedule {action} needs --name")
    if action is Action.ADD:
        if not cron:
            raise BadInput("schedule add needs --cron, such as '0 2 * * *' for two at night")
        check_prices(settings)
        schedules.add_schedule(api, name, cron, timezone, make_task(settings, fields))
    elif action is Action.REMOVE:
        schedules.remove_schedule(api, schedules.find_schedule(api, name))
    elif action in {Action.PAUSE, Action.RESUME}:
        found = schedules.find_schedule(api, name)
        schedules.set_active(api, found, active=action is Action.RESUME)
    _print_schedules(schedules.task_schedules(api), as_json=as_json)
    return ExitCode.DONE


def _print_schedules(found: "Sequence[TaskSchedule]", *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("No task is on a schedule.")
        return
    columns = ("name", "cron", "time zone", "state", "type", "where", "what")
    rows = [
        (
            one.name,
            one.cron,
            one.timezone,
            "active" if one.active else "paused",
            one.task.get("task_type", "–"),
            f"{one.task['repo']} {one.task.get('target_file') or ''}".strip(),
            shorten(one.task["description"], 60, placeholder="…"),
        )
        for one in found
    ]
    print_table("", columns, rows)


# ---------------------------------------------------------------------------------------------------------


def _settled(settings: Settings, queued: "QueuedTask") -> "tuple[QueuedTask, Sequence[Mapping[str, Any]]]":
    """The task and its attempts, once it has ended or waits for a person."""
    from nightcrew.crew.dispatch import open_queue
    from nightcrew.crew.reconciliation import reconcile

    with open_queue(settings) as queue:
        try:
            while queued.status not in SETTLED:
                time.sleep(POLL_SECONDS)
                reconcile(settings)
                queued = queue.get(queued.task_id)
        except KeyboardInterrupt:
            raise Goodbye(
                f"{queued.task_id} goes on without you. Follow it with: nightcrew get-status "
                f"{queued.task_id}; end it with: nightcrew cancel-task {queued.task_id}"
            ) from None
        return queued, queue.attempts(queued.task_id)


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
