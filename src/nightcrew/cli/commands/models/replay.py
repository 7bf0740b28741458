"""`nightcrew replay`: compare the model selector with other policies on a table of real outcomes."""

from pathlib import Path
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json


@app.command("replay")
def replay(
    outcomes: Annotated[Path, typer.Argument(help="Parquet table: task_id, model, success, cost_usd, ...")],
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="<str>", help="Only this policy; may be repeated (default: all)."),
    ] = None,
    validator_fa: Annotated[float, typer.Option(help="Share of wrong work that the verdict accepts.")] = 0.0,
    validator_fr: Annotated[float, typer.Option(help="Share of right work that the verdict rejects.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed for splits and intervals.")] = 0,
    train: Annotated[
        Path | None, typer.Option(help="Table to learn from (default: part of OUTCOMES).")
    ] = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="Make the models that a fixed ladder uses worse over time.")
    ] = False,
    hide_models: Annotated[
        list[str] | None,
        typer.Option(metavar="<str>", help="Models without history: globs, or how many; may be repeated."),
    ] = None,
    quality_threshold: Annotated[float, typer.Option(help="Required quality, 0 to 1.")] = 0.7,
    frontier: Annotated[
        bool, typer.Option("--frontier/--no-frontier", help="Compare several qualities with several ladders.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Compare the selector with other policies. It runs on recorded outcomes."""
    from nightcrew.ledger.outcomes import read_outcomes
    from nightcrew.selection.replay.replay import replay as run_replay
    from nightcrew.selection.replay.report import render
    from nightcrew.selection.replay.scenario import POLICIES, Scenario

    result = run_replay(
        read_outcomes(outcomes),
        read_outcomes(train) if train else None,
        scenario=Scenario(
            policies=tuple(policy or POLICIES),
            validator_fa=validator_fa,
            validator_fr=validator_fr,
            seed=seed,
            drift=drift,
            hide_models=tuple(hide_models or ()),
            quality_threshold=quality_threshold,
            frontier=frontier,
        ),
    )
    print_json(result.to_json()) if as_json else console.print(render(result), soft_wrap=True)
