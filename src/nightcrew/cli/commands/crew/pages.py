"""`nightcrew ui` and `dashboard`: where the crew's web pages are, and their password."""

import sys
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, errors, print_json
from nightcrew.settings import load_settings


@app.command("ui")
def ui(
    password: Annotated[bool, typer.Option("--password", help="Print only the password.")] = False,
    as_json: AsJson = False,
) -> int:
    """Print the Prefect UI's address or password."""
    from nightcrew.crew.api_access import password_file, password_of
    from nightcrew.crew.status import status

    settings = load_settings()
    if password and (known := password_of(settings.home)):
        sys.stdout.write(f"{known}\n")
        return ExitCode.DONE
    current = status(settings)
    if not current.running:
        errors.print("nightcrew: no crew is running: start one with 'nightcrew run-engine'", style="red")
        return ExitCode.INFRASTRUCTURE
    file = password_file(current.home)
    if as_json:
        print_json({"ui_url": current.ui_url, "dashboard_url": current.dashboard_url, "password_file": file})
        return ExitCode.DONE
    console.print(f"Prefect UI: {current.ui_url}", soft_wrap=True)
    console.print(f"Dashboard: {current.dashboard_url}", soft_wrap=True)
    console.print("The browser asks once for a password. Print it with 'nightcrew ui --password'.")
    return ExitCode.DONE


@app.command("dashboard")
def dashboard(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Loopback port while no crew runs (0: any free one).")
    ] = 4280,
    as_json: AsJson = False,
) -> None:
    """Print the dashboard's address. While no crew runs, it is served until Ctrl-C."""
    from nightcrew.crew.api_access import make_password
    from nightcrew.crew.status import DASHBOARD, status
    from nightcrew.dashboard.app import serve

    settings = load_settings()

    def ready(server: str) -> None:
        if as_json:
            print_json({"dashboard_url": f"{server}{DASHBOARD}/"})
            return
        console.print(f"Dashboard: {server}{DASHBOARD}/", soft_wrap=True)
        console.print("User: nightcrew. Print the password with 'nightcrew ui --password'.")

    current = status(settings)
    if current.running:
        ready(current.ui_url)
        return
    make_password(settings.home)
    serve(settings, port, on_ready=ready)
