"""`nightcrew set-account`: which API the crew calls, and with which key."""

import getpass
import sys
from typing import Annotated

import typer
from pydantic import SecretStr

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json
from nightcrew.errors import BadInput
from nightcrew.secrets.account import Account, account_file
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
    from nightcrew.crew.storage.acts import change_account
    from nightcrew.openrouter.wire.credentials import checked_key, checked_url

    settings = load_settings()
    account = Account(checked_url(base_url), None if no_key else checked_key(SecretStr(_typed())))
    if account.api_key is None and not no_key:
        # A stored key cannot be brought back, and an empty line is usually a slip or an unset variable.
        raise BadInput("no key was given, and nothing was changed; for an API that needs none, use --no-key")
    change_account(settings, account)
    place = account_file(settings.home)
    if as_json:
        print_json({"base_url": account.base_url, "has_key": account.api_key is not None, "file": place})
        return
    subject = "The key was" if account.api_key else "An account without a key was"
    console.print(f"{subject} stored in {place}, for {account.base_url} only.", soft_wrap=True)
    console.print("A running crew uses it from its next task on.")


# ---------------------------------------------------------------------------------------------------------


def _typed() -> str:
    return getpass.getpass("API key (not shown): ") if sys.stdin.isatty() else sys.stdin.readline(65_536)
