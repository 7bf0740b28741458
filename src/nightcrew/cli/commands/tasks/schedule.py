"""`nightcrew schedule`: submit a task, or sweep a repository, again and again at set times."""

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, print_json, print_table
from nightcrew.cli.schedule_action import ScheduleAction
from nightcrew.cli.task_options import check_models, make_task, sweep_terms, with_task_options
from nightcrew.errors import BadInput
from nightcrew.settings import Settings, load_settings
from nightcrew.task import Task

if TYPE_CHECKING:
    from nightcrew.crew.prefect_api import PrefectApi
    from nightcrew.crew.schedules import Recurring


@app.command("schedule")
@with_task_options(
    [name for name in Task.model_fields if name != "task_id"],
    optional=frozenset({"description", "task_type"}),
)
def schedule(
    fields: dict[str, Any],
    action: Annotated[ScheduleAction, typer.Argument(help="What to do; all but list need --name.")],
    name: Annotated[str, typer.Option("--name", help="The schedule's name.")] = "",
    cron: Annotated[str, typer.Option(help="Minute, hour, day, month, weekday: '0 2 * * 1-5'.")] = "",
    timezone: Annotated[str, typer.Option(help="The time zone of --cron.")] = "UTC",
    is_sweep: Annotated[
        bool, typer.Option("--sweep", help="Sweep --repo: measure it, and submit what is proven least.")
    ] = False,
    most_tasks: Annotated[int, typer.Option(min=1, max=100, help="The most tasks of one sweep.")] = 3,
    budget: Annotated[str, typer.Option(metavar="USD", help="The most that one sweep may cost.")] = "1",
    as_json: AsJson = False,
) -> int:
    """Submit a task at set times, or sweep a repository. Lists, pauses, removes and runs schedules too."""
    from nightcrew.crew import schedules
    from nightcrew.crew.status import status

    settings = load_settings()
    services = status(settings)
    if not services.running:
        raise BadInput("no crew is running, and its Prefect server has the schedules: nightcrew run-engine")
    api = services.api()
    if action is not ScheduleAction.LIST and not name:
        raise BadInput(f"schedule {action} needs --name")
    if action is ScheduleAction.ADD:
        if not cron:
            raise BadInput("schedule add needs --cron, such as '0 2 * * *' for two at night")
        check_models(settings)
        if is_sweep:
            terms = sweep_terms(fields, most_tasks, budget)
            schedules.add_sweep(settings, api, name, cron, timezone, terms)
        else:
            schedules.add_schedule(settings, api, name, cron, timezone, make_task(settings, fields))
    elif action is not ScheduleAction.LIST:
        _change(settings, api, action, name)
    _print_schedules(schedules.own_schedules(api), as_json=as_json)
    return ExitCode.DONE


# ---------------------------------------------------------------------------------------------------------


def _change(settings: Settings, api: "PrefectApi", action: ScheduleAction, name: str) -> None:
    from nightcrew.crew import schedules

    found = schedules.find_schedule(api, name)
    if action is ScheduleAction.REMOVE:
        schedules.remove(settings, api, found)
    elif action is ScheduleAction.RUN:
        schedules.run_now(settings, api, found)
    elif action in {ScheduleAction.PAUSE, ScheduleAction.RESUME}:
        schedules.set_active(settings, api, found, active=action is ScheduleAction.RESUME)


def _print_schedules(found: "Sequence[Recurring]", *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if not found:
        console.print("Nothing is on a schedule.")
        return
    columns = ("name", "cron", "time zone", "state", "type", "where", "what")
    rows = [
        (one.name, one.cron, one.timezone, "active" if one.active else "paused", *_shown(one.parameters))
        for one in found
    ]
    print_table("", columns, rows)


def _shown(parameters: Mapping[str, Any]) -> tuple[str, str, str]:
    if terms := parameters.get("terms"):
        what = f"at most {terms['most_tasks']} tasks for {terms['budget_usd']} USD"
        return "sweep", str(terms["repo"]), what
    task = parameters["task"]
    where = f"{task['repo']} {task.get('target_file') or ''}".strip()
    return str(task.get("task_type", "–")), where, shorten(task["description"], 60, placeholder="…")
