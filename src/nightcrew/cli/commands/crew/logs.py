"""`nightcrew logs`: what the crew's processes log."""

import json
from itertools import chain
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import errors, print_line
from nightcrew.settings import load_settings


@app.command("logs")
def logs(
    task: Annotated[str | None, typer.Argument(metavar="TASK_ID", help="Only this task.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option(min=0, max=1_000_000, help="The most past lines to print.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Print and follow what the crew's processes log. With a task: what its attempts do, as they do it."""
    from nightcrew.logs.reading import last_entries, new_entries

    folder = load_settings().logs_dir
    found = last_entries(folder, task, lines)
    for entry in chain(found, new_entries(folder, task) if follow else ()):
        print_line(json.dumps(entry._asdict()) if as_json else entry.text)
    if not found and not follow:
        errors.print(f"There are no log lines of {task or 'this crew'} in {folder}.")
