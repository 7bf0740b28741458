"""`nightcrew service`: the crew as a service of systemd."""

import os
from enum import StrEnum
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.commands.crew.worker import PASSWORD
from nightcrew.cli.output import console, print_json
from nightcrew.settings import load_settings


class Action(StrEnum):
    """What to do with the service."""

    INSTALL = "install"
    REMOVE = "remove"


@app.command("service")
def service(
    action: Annotated[Action, typer.Argument(help="Whether to install or remove the service.")],
    join: Annotated[
        str | None,
        typer.Option(help="Only work for the crew with this Prefect API, as 'worker --join' does."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=200, help="Tasks at once (default: 5).")] = None,
    as_json: AsJson = False,
) -> None:
    """Install or remove the crew as a service. systemd starts it at boot, and again after a failure.

    The service has the settings that this command finds in its environment.
    """
    from nightcrew.crew import unit

    settings = load_settings()
    if action is Action.REMOVE:
        file = unit.remove(settings)
        print_json({"removed": file}) if as_json else console.print(f"{file} was removed.")
        return
    password = os.environ.get(PASSWORD) if join else None
    installed = unit.install(settings, workers=workers, join=join and join.rstrip("/"), password=password)
    if as_json:
        print_json(installed)
        return
    console.print(f"{installed.file} is enabled and started.")
    console.print(f"What it prints: {installed.logs}")
    if "--user" in installed.logs:
        console.print("It ends with your session unless lingering is on: loginctl enable-linger")
