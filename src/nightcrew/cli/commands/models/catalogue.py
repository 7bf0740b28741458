"""Commands about models: which can be used, which would be chosen and why."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markdown import Markdown

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import age, console, counted, print_json, print_table
from nightcrew.cli.task_options import make_task, with_task_options
from nightcrew.settings import OPENROUTER_URL, load_settings
from nightcrew.task import NEEDS_TARGET

if TYPE_CHECKING:
    from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue

PER_MILLION = 1_000_000
CHOSEN_BY = ("task_type", "repo", "target_file", "complexity", "quality_threshold", "max_cost_usd", "models")


@app.command("select-model")
@with_task_options(CHOSEN_BY)
def select_model(
    fields: dict[str, Any],
    explain: Annotated[bool, typer.Option("--explain/--brief", help="With or without the reasons.")] = True,
    as_json: AsJson = False,
) -> int:
    """Print which models a task would try, and why."""
    from nightcrew.cli.model_choice import open_catalogue, plan_for

    settings = load_settings()
    named = fields.get("target_file") or ("any" if fields["task_type"] in NEEDS_TARGET else None)
    task = make_task(settings, {"description": "which model would it be", **fields, "target_file": named})
    if "target_file" not in fields:  # a name was only needed to make a task
        task = task.model_copy(update={"target_file": None})
    with open_catalogue(settings) as (store, catalogue):
        catalogue.check_usable()
        plan = plan_for(task, settings, store, catalogue)
    if as_json:
        print_json(plan)
    elif explain:
        console.print(Markdown(plan.explanation))
    else:
        console.print(" → ".join(f"{rung.model} ({rung.executor})" for rung in plan.rungs) or plan.stop)
    return ExitCode.DONE if plan.rungs else ExitCode.FAILED


@app.command("models")
def models(as_json: AsJson = False) -> None:
    """List usable models and remaining free calls. Also tells why other models cannot be used."""
    from nightcrew.cli.model_choice import availability, open_catalogue, quota_left

    settings = load_settings()
    with open_catalogue(settings) as (store, catalogue):
        listing, left = catalogue.listing(), quota_left(store, settings)
        about_list = _about_list(catalogue)
        state = availability(store, settings)
        tried = {
            listed.candidate.model: catalogue.form_of(listed.candidate.model).calls_tools
            for listed in listing
        }
    is_openrouter = settings.account.base_url == OPENROUTER_URL
    resting = state.resting
    usable = [listed for listed in listing if not (listed.unusable or listed.candidate.model in resting)]
    left_out = [
        (listed.candidate.model, listed.unusable or resting[listed.candidate.model])
        for listed in listing
        if listed not in usable
    ]
    if as_json:
        unusable = [{"model": name, "reason": reason} for name, reason in left_out]
        print_json(
            {"usable": [listed.candidate for listed in usable], "unusable": unusable, "free_calls": left}
        )
        return
    rows = [
        (
            listed.candidate.model,
            listed.candidate.context_tokens,
            _per_million(listed.candidate.input_price_usd),
            _per_million(listed.candidate.output_price_usd),
            _tools(listed.candidate.tools, tried[listed.candidate.model], is_known=is_openrouter),
        )
        for listed in usable
    ]
    print_table(
        f"{counted(len(rows), 'model')} can be used", ("model", "context", "$/M in", "$/M out", "tools"), rows
    )
    if left_out:
        print_table(f"{counted(len(left_out), 'model')} cannot be used", ("model", "why"), left_out)
    if is_openrouter or any(listed.candidate.free for listed in usable):
        until = f"{left.resets_at:%H:%M} UTC"
        console.print(f"Free calls left: {left.minute} this minute, {left.day} today (until {until}).")
    for line in about_list:
        console.print(line)


@app.command("refresh-models")
def refresh_models(as_json: AsJson = False) -> int:
    """Fetch the list of models and prices. If that fails, the last good list stays in use."""
    from nightcrew.cli.model_choice import open_catalogue

    settings = load_settings()
    with open_catalogue(settings) as (_, catalogue):
        refresh = catalogue.refresh()
        listed_for = catalogue.age
    if as_json:
        print_json(refresh)
    elif refresh.error:
        kept = f"; the list from {age(listed_for)} ago stays in use" if listed_for else ""
        console.print(f"The list could not be fetched: {refresh.error}{kept}")
    else:
        changes = f"{len(refresh.appeared)} new, {len(refresh.changed)} changed, {len(refresh.vanished)} gone"
        console.print(f"{counted(refresh.models, 'model')}: {changes}.")
    return ExitCode.INFRASTRUCTURE if refresh.error else ExitCode.DONE


# ---------------------------------------------------------------------------------------------------------


def _about_list(catalogue: "ModelCatalogue") -> list[str]:
    """How old the list is, why there is none, and the setting that is missing."""
    lines = [] if catalogue.age is None else [f"The list is {age(catalogue.age)} old."]
    if not lines and catalogue.latest is not None and not catalogue.latest.answered:
        lines = [f"The list could not be fetched: {catalogue.latest.error}."]
    return lines + ([f"{catalogue.problem}."] if catalogue.problem else [])


def _tools(listed: bool, tried: bool | None, *, is_known: bool) -> str:
    """Whether a model calls tools: as seen, or as its record says where that can be relied on."""
    if not listed:
        return "no"
    return "yes" if tried or is_known else "not tried"


def _per_million(price: Decimal | None) -> str:
    return "unknown" if price is None else f"{price * PER_MILLION:.2f}"
