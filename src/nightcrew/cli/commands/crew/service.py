"""`nightcrew service`: the crew as a service of systemd."""

from enum import StrEnum
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json
from nightcrew.settings import load_settings


class Action(StrEnum):
    """What to do with the service."""

    INSTALL = "install"
    REMOVE = "remove"


@app.command("service")
def service(
    action: Annotated[Action, typer.Argument(help="Whether to install or remove the service.")],
    workers: Annotated[int | None, typer.Option(min=1, max=200, help="Tasks at once (default: 5).")] = None,
    as_json: AsJson = False,
) -> None:
    """Install or remove the crew as a service. systemd starts it at boot, and again after a failure."""
    from nightcrew.crew import unit

    if action is Action.REMOVE:
        file = unit.remove()
        print_json({"removed": file}) if as_json else console.print(f"{file} was removed.", markup=False)
        return
    installed = unit.install(load_settings(), workers=workers)
    if as_json:
        print_json(installed)
        return
    console.print(f"{installed.file} is enabled and started.", markup=False)
    console.print(f"What it prints: {installed.logs}", markup=False)
    if "--user" in installed.logs:
        console.print("It ends with your session unless lingering is on: loginctl enable-linger")
