"""`nightcrew watch`: issues on GitHub become tasks."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from nightcrew.address import without_secret
from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, errors, print_json, print_table
from nightcrew.cli.schedule_action import ScheduleAction
from nightcrew.errors import BadInput, Transient
from nightcrew.settings import DeliveryKind, Settings, first_problem, load_settings
from nightcrew.task import TaskPriority

if TYPE_CHECKING:
    from nightcrew.crew.prefect_api import PrefectApi
    from nightcrew.watch.terms import Watch


@app.command("watch")
def watch(
    action: Annotated[
        ScheduleAction,
        typer.Argument(help="What to do; all but list need --repo. `run` watches in the foreground."),
    ],
    repo: Annotated[str, typer.Option(help="URL of the repository on GitHub; a token in it is stored.")] = "",
    label: Annotated[str, typer.Option(help="An open issue with this label becomes a task.")] = "nightcrew",
    person: Annotated[
        list[str] | None,
        typer.Option(help="Only this account may ask (default: all who may push). It may be repeated."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, max=59, help="Minutes between two looks.")] = 2,
    deliver: Annotated[
        DeliveryKind, typer.Option(help="How accepted changes are handed over.")
    ] = DeliveryKind.PULL_REQUEST,
    priority: Annotated[
        TaskPriority, typer.Option(help="The queue that the tasks wait in.")
    ] = TaskPriority.NORMAL,
    base: Annotated[str, typer.Option(help="The branch that the work begins from.")] = "HEAD",
    max_cost_usd: Annotated[
        str | None, typer.Option(metavar="USD", help="The most that one task may cost.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="With run: look once, then return.")] = False,
    as_json: AsJson = False,
) -> int:
    """Let issues on GitHub become tasks. One comment on each tells how it goes."""
    settings = load_settings()
    if action is ScheduleAction.LIST:
        return _list(settings, as_json=as_json)
    if not repo:
        raise BadInput(f"watch {action} needs --repo, such as https://github.com/you/shop")
    fields = {
        "label": label,
        "people": tuple(person or ()),
        "deliver": deliver,
        "priority": priority,
        "base": base,
        "max_cost_usd": max_cost_usd,
    }
    terms = _terms(settings, repo, fields)
    if action is ScheduleAction.RUN:
        return _run(settings, terms, every * 60, once=once, as_json=as_json)
    if action is ScheduleAction.ADD:
        return _add(settings, terms, every, as_json=as_json)
    _change(settings, terms.repo, action)
    return _list(settings, as_json=as_json)


# ---------------------------------------------------------------------------------------------------------


def _terms(settings: Settings, repo: str, fields: dict[str, Any]) -> "Watch":
    from nightcrew.crew.storage.acts import keep_credential
    from nightcrew.forge.place import place_of
    from nightcrew.watch.terms import Watch

    address, credential = without_secret(repo)
    place_of(address)
    try:
        terms = Watch(repo=address, **fields)
    except ValidationError as error:
        raise BadInput(first_problem(error)) from None
    if credential is not None:
        keep_credential(settings, address, credential)
    return terms


def _run(settings: Settings, terms: "Watch", seconds: int, *, once: bool, as_json: bool) -> int:
    from nightcrew.watch.look import look

    while True:
        try:
            looked = look(settings, terms)
            if as_json:
                print_json(looked)
            elif once or looked.new or looked.refused or looked.written:
                console.print(str(looked))
        except Transient as error:
            if once:
                raise
            errors.print(f"next look in {seconds // 60} min: {error}")
        if once:
            return ExitCode.DONE
        time.sleep(seconds)


def _add(settings: Settings, terms: "Watch", minutes: int, *, as_json: bool) -> int:
    from nightcrew.watch import watched
    from nightcrew.watch.look import check
    from nightcrew.watch.terms import hook_key

    check(settings, terms)
    watched.add(settings, _api(settings), terms, minutes)
    secret = watched.make_hook_secret(settings, terms.repo).get_secret_value()
    path = f"{watched.HOOKS}{hook_key(terms.repo)}"
    if as_json:
        print_json({"watch": terms.model_dump(mode="json"), "hook_path": path, "hook_secret": secret})
        return ExitCode.DONE
    who = ", ".join(terms.people) or "everybody who may push"
    console.print(f"{terms.repo} is looked at every {minutes} min; {who} may ask.")
    console.print(f"For a webhook (optional, docs/from-issues.md): path {path}")
    console.print(f"its secret, shown once more by the same command: {secret}")
    return ExitCode.DONE


def _change(settings: Settings, repo: str, action: ScheduleAction) -> None:
    from nightcrew.crew import schedules
    from nightcrew.watch import watched

    api = _api(settings)
    found = watched.find(api, repo)
    if action is ScheduleAction.REMOVE:
        schedules.remove(settings, api, found)
    else:
        schedules.set_active(settings, api, found, active=action is ScheduleAction.RESUME)


def _list(settings: Settings, *, as_json: bool) -> int:
    from nightcrew.watch import watched

    found = watched.all_watched(_api(settings))
    if as_json:
        print_json(
            [
                {"watch": terms.model_dump(mode="json"), "cron": one.cron, "active": one.active}
                for terms, one in found
            ]
        )
    elif not found:
        console.print("No repository is watched.")
    else:
        rows = [
            (
                terms.repo,
                terms.label,
                ", ".join(terms.people) or "who may push",
                one.cron,
                "active" if one.active else "paused",
            )
            for terms, one in found
        ]
        print_table("", ("repository", "label", "who may ask", "cron", "state"), rows)
    return ExitCode.DONE


def _api(settings: Settings) -> "PrefectApi":
    from nightcrew.crew.status import status

    services = status(settings)
    if not services.running:
        raise BadInput(
            "no crew is running, and its Prefect server has the schedules: nightcrew run-engine "
            "(watch run needs none)"
        )
    return services.api()
