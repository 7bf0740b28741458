"""`nightcrew schedule`: submit a task again and again, at set times."""

from collections.abc import Sequence
from enum import StrEnum
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, print_json, print_table
from nightcrew.cli.task_options import check_models, make_task, with_task_options
from nightcrew.errors import BadInput
from nightcrew.settings import load_settings
from nightcrew.task import Task

if TYPE_CHECKING:
    from nightcrew.crew.schedules import Recurring


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
        check_models(settings)
        schedules.add_schedule(settings, api, name, cron, timezone, make_task(settings, fields))
    elif action is Action.REMOVE:
        schedules.remove(settings, api, schedules.find_schedule(api, name))
    elif action in {Action.PAUSE, Action.RESUME}:
        found = schedules.find_schedule(api, name)
        schedules.set_active(settings, api, found, active=action is Action.RESUME)
    _print_schedules(schedules.task_schedules(api), as_json=as_json)
    return ExitCode.DONE


# ---------------------------------------------------------------------------------------------------------


def _print_schedules(found: "Sequence[Recurring]", *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    tasks = [one.parameters["task"] for one in found]
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
            task.get("task_type", "–"),
            f"{task['repo']} {task.get('target_file') or ''}".strip(),
            shorten(task["description"], 60, placeholder="…"),
        )
        for one, task in zip(found, tasks, strict=True)
    ]
    print_table("", columns, rows)
