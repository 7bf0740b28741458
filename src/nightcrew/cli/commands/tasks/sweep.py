"""`nightcrew sweep`: measure a repository, and submit tasks about what is proven least."""

from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, print_json, print_table
from nightcrew.cli.task_options import check_models, sweep_terms
from nightcrew.settings import load_settings


@app.command("sweep")
def sweep_now(
    repo: Annotated[str, typer.Option(help="Path or URL of the repository.")] = ".",
    base: Annotated[str, typer.Option(help="The branch that is measured.")] = "HEAD",
    most_tasks: Annotated[int, typer.Option(min=1, max=100, help="The most tasks.")] = 3,
    budget: Annotated[str, typer.Option(metavar="USD", help="The most that all tasks may cost.")] = "1",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what was measured and chosen; submit nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Measure which modules have the least proof, and submit tasks about them."""
    from nightcrew.work.sweep.sweep import sweep

    settings = load_settings()
    if not dry_run:
        check_models(settings)
    found = sweep(settings, sweep_terms({"repo": repo, "base": base}, most_tasks, budget), is_trial=dry_run)
    if as_json:
        print_json(found)
        return ExitCode.DONE
    columns = ("module", "run by tests", "faults noticed", "docstrings", "commits")
    rows = [
        (
            one.path,
            f"{one.run} of {one.lines}",
            f"{one.noticed} of {one.faults}" if one.faults else "–",
            f"{one.documented} of {one.public}",
            one.changes,
        )
        for one in sorted(found.proofs, key=lambda one: (one.tested, one.explained, -one.changes))
    ]
    print_table("", columns, rows)
    for choice in found.chosen:
        console.print(f"{choice.task_type}: {choice.description}", soft_wrap=True)
    console.print(str(found), soft_wrap=True)
    return ExitCode.DONE
