"""The account for model calls: an address and its key, as one unit.

It is stored in a file of the home that only its owner can read, and is read there when a model is called. It
is in no environment variable, argument, Prefect block or database. So no one can redirect the key by changing
the address.
"""

import json
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from nightcrew.errors import BadInput
from nightcrew.secrets.files import secrets_folder, write_private
from nightcrew.secrets.redaction import known_secrets

KEY_VARIABLES = ("NIGHTCREW_API_KEY", "OPENROUTER_API_KEY")
_FILE = "account.json"


class Account(NamedTuple):
    """The endpoint for model calls, and its key; None if the endpoint needs none."""

    base_url: str
    api_key: SecretStr | None


def account_file(home: Path) -> Path:
    """The file with a home's account."""
    return home.expanduser().resolve() / "secrets" / _FILE


def kept_account(home: Path) -> Account | None:
    """The stored account of a home, or None.

    Raises:
        BadInput: its file cannot be read.
    """
    path = account_file(home)
    try:
        stored = json.loads(path.read_bytes())
        key = stored["api_key"]
        return Account(str(stored["base_url"]), None if key is None else protected(SecretStr(str(key))))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{path} cannot be read: remove it and give the key again") from None


def keep_account(home: Path, account: Account) -> None:
    """Store the account of the home."""
    key = None if account.api_key is None else account.api_key.get_secret_value()
    text = json.dumps({"base_url": account.base_url, "api_key": key})
    write_private(secrets_folder(home) / _FILE, text + "\n")


def account_in_force(home: Path, given: Account, *, has_address: bool) -> Account:
    """The configured account, else the stored one.

    Raises:
        BadInput: an address is configured without a key, and the stored key is for another address.
    """
    if given.api_key is not None and given.api_key.get_secret_value().strip():
        protected(given.api_key)
        return given
    kept = kept_account(home)
    if kept is None:
        return Account(given.base_url, None)
    if not has_address or _is_same(kept.base_url, given.base_url):
        return kept
    if kept.api_key is None:
        return Account(given.base_url, None)
    raise BadInput(
        f"the key of this crew is for {kept.base_url} and is not sent to {given.base_url}: give the key of "
        f"{given.base_url} with NIGHTCREW_API_KEY (any word, if it needs none)"
    )


def protected(key: SecretStr) -> SecretStr:
    """The key, registered so that it is redacted from all text of this process."""
    known_secrets.add(key.get_secret_value().strip())
    return key


# ---------------------------------------------------------------------------------------------------------


def _is_same(first: str, second: str) -> bool:
    return first.strip().rstrip("/") == second.strip().rstrip("/")
