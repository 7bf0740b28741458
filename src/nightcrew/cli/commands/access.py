"""`nightcrew set-account` and `nightcrew ui`: what a person has to know, or say, about secrets."""

import getpass
import sys
from typing import Annotated

import typer
from pydantic import SecretStr

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, errors, print_json
from nightcrew.secrets.account import Account, account_file, keep_account
from nightcrew.settings import OPENROUTER_URL, load_settings


@app.command("set-account")
def set_account(
    base_url: Annotated[
        str, typer.Option(help="Root of OpenRouter's API or another OpenAI-compatible one.")
    ] = OPENROUTER_URL,
    as_json: AsJson = False,
) -> None:
    """Keep an API key, read from standard input, for the crew: it is sent to this address only."""
    from nightcrew.openrouter.wire.credentials import checked_key, checked_url

    said = getpass.getpass("API key (not shown): ") if sys.stdin.isatty() else sys.stdin.readline(65_536)
    settings = load_settings()
    account = Account(checked_url(base_url), checked_key(SecretStr(said)))
    keep_account(settings.home, account)
    place = account_file(settings.home)
    if as_json:
        print_json({"base_url": account.base_url, "has_key": account.api_key is not None, "file": place})
        return
    what = "The key is" if account.api_key else "That there is no key is"
    console.print(f"{what} kept in {place}, for {account.base_url} only.", markup=False, soft_wrap=True)
    console.print("A running crew takes it with its next task.")


@app.command("ui")
def ui(
    password: Annotated[
        bool, typer.Option("--password", help="Print what the page asks for, and nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Say where the running crew's Prefect UI is, and how to get in."""
    from nightcrew.crew.api_access import password_file, password_of
    from nightcrew.crew.status import status

    current = status(load_settings())
    if not current.running:
        errors.print("nightcrew: no crew is running: start one with 'nightcrew run-engine'", style="red")
        return ExitCode.INFRASTRUCTURE
    if password:
        sys.stdout.write(f"{password_of(current.home)}\n")
        return ExitCode.DONE
    file = password_file(current.home)
    if as_json:
        print_json({"ui_url": current.ui_url, "password_file": file})
        return ExitCode.DONE
    console.print(f"Prefect UI: {current.ui_url}", markup=False, soft_wrap=True)
    console.print("A browser asks once for the password, which 'nightcrew ui --password' prints.")
    return ExitCode.DONE
