"""`nightcrew set-account`, `ui` and `dashboard`: the commands that handle secrets."""

import getpass
import sys
from typing import Annotated

import typer
from pydantic import SecretStr

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, errors, print_json
from nightcrew.errors import BadInput
from nightcrew.secrets.account import Account, account_file, keep_account
from nightcrew.settings import OPENROUTER_URL, load_settings


@app.command("set-account")
def set_account(
    base_url: Annotated[
        str, typer.Option(help="Root URL of OpenRouter's API, or of another OpenAI-compatible API.")
    ] = OPENROUTER_URL,
    no_key: Annotated[bool, typer.Option("--no-key", help="The API needs no key; none is read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Store an API key for the crew. It is read from standard input, and sent to this address only."""
    from nightcrew.openrouter.wire.credentials import checked_key, checked_url

    settings = load_settings()
    account = Account(checked_url(base_url), None if no_key else checked_key(SecretStr(_typed())))
    if account.api_key is None and not no_key:
        # A stored key cannot be brought back, and an empty line is usually a slip or an unset variable.
        raise BadInput("no key was given, and nothing was changed; for an API that needs none, use --no-key")
    keep_account(settings.home, account)
    place = account_file(settings.home)
    if as_json:
        print_json({"base_url": account.base_url, "has_key": account.api_key is not None, "file": place})
        return
    subject = "The key was" if account.api_key else "An account without a key was"
    console.print(f"{subject} stored in {place}, for {account.base_url} only.", markup=False, soft_wrap=True)
    console.print("A running crew uses it from its next task on.")


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
    console.print(f"Prefect UI: {current.ui_url}", markup=False, soft_wrap=True)
    console.print(f"Dashboard: {current.dashboard_url}", markup=False, soft_wrap=True)
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
        console.print(f"Dashboard: {server}{DASHBOARD}/", markup=False, soft_wrap=True)
        console.print("User: nightcrew. Print the password with 'nightcrew ui --password'.")

    current = status(settings)
    if current.running:
        ready(current.ui_url)
        return
    make_password(settings.home)
    serve(settings, port, on_ready=ready)


# ---------------------------------------------------------------------------------------------------------


def _typed() -> str:
    return getpass.getpass("API key (not shown): ") if sys.stdin.isatty() else sys.stdin.readline(65_536)
