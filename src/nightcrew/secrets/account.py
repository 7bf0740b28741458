"""The account that models are called with: an address and the key for it, as one thing.

It is kept in a file of the home that only its owner can read. Whoever calls a model reads it there, at the
time of need; it is in no environment, argument, block or database, so nobody can change the address and keep
the key.
"""

import json
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from nightcrew.errors import BadInput
from nightcrew.secrets.files import secrets_folder, write_private
from nightcrew.secrets.redaction import known_secrets

KEY_VARIABLES = ("NIGHTCREW_API_KEY", "OPENROUTER_API_KEY")
_DESCRIPTOR_VARIABLE = "NIGHTCREW_API_KEY_DESCRIPTOR"
_FILE = "account.json"


class Account(NamedTuple):
    """Where models are called, and with which key; None where the endpoint wants none."""

    base_url: str
    api_key: SecretStr | None


def account_file(home: Path) -> Path:
    """Where the account of a home is kept."""
    return home.expanduser().resolve() / "secrets" / _FILE


def kept_account(home: Path) -> Account | None:
    """The account of a home, None where none was ever given.

    Raises:
        BadInput: its file cannot be read.
    """
    path = account_file(home)
    try:
        told = json.loads(path.read_bytes())
        key = told["api_key"]
        return Account(str(told["base_url"]), None if key is None else protected(SecretStr(str(key))))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{path} cannot be read: remove it and give the key again") from None


def keep_account(home: Path, account: Account) -> None:
    """From now on this is the account of the home."""
    key = None if account.api_key is None else account.api_key.get_secret_value()
    told = json.dumps({"base_url": account.base_url, "api_key": key})
    write_private(secrets_folder(home) / _FILE, told + "\n")


def account_in_force(home: Path, told: Account, *, address_was_told: bool) -> Account:
    """The account as it was told, else the kept one.

    Raises:
        BadInput: an address was told without a key, and the kept key is for another address.
    """
    if told.api_key is not None and told.api_key.get_secret_value().strip():
        protected(told.api_key)
        return told
    kept = kept_account(home)
    if kept is None:
        return Account(told.base_url, None)
    if not address_was_told or _is_same(kept.base_url, told.base_url):
        return kept
    if kept.api_key is None:
        return Account(told.base_url, None)
    raise BadInput(
        f"the key of this crew is for {kept.base_url} and is not sent to {told.base_url}: give the key of "
        f"{told.base_url} with NIGHTCREW_API_KEY (any word, where it wants none)"
    )


def protected(key: SecretStr) -> SecretStr:
    """The key, which no text of this process will show from now on."""
    known_secrets.add(key.get_secret_value().strip())
    return key


# --- from the operator's shell into the process that needs it ----------------------------------------------


def hand_over(environment: MutableMapping[str, str]) -> int | None:
    """Take the key out of `environment`; a descriptor that says it to the same program started again.

    None where there is no key in it. What a process was started with can be read as long as it lives, so a
    program that finds the key there has to start itself again without it.
    """
    found = [environment.pop(name, "") for name in KEY_VARIABLES]
    key = next((value for value in found if value.strip()), None)
    if key is None:
        return None
    reader, writer = os.pipe()
    os.write(writer, key.encode())
    os.close(writer)
    environment[_DESCRIPTOR_VARIABLE] = str(reader)
    return reader


def take_over(environment: MutableMapping[str, str]) -> SecretStr | None:
    """The key that `hand_over` says, None where it says nothing."""
    told = environment.pop(_DESCRIPTOR_VARIABLE, "")
    if not told.isdigit():
        return None
    try:
        with os.fdopen(int(told), "rb") as reader:
            return protected(SecretStr(reader.read(65_536).decode(errors="replace")))
    except OSError:
        return None


# ---------------------------------------------------------------------------------------------------------


def _is_same(one: str, other: str) -> bool:
    return one.strip().rstrip("/") == other.strip().rstrip("/")
