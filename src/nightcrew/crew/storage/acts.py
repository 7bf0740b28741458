"""Acts that are not part of a transaction of the state store, and their lines in the audit log.

An act is entered before it is done. So an act whose line cannot be written, because the disk is full or the
store is down, is not done; one that fails after its line is in the log as asked for.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from nightcrew.address import Credential
from nightcrew.crew.storage.database import ensure_database
from nightcrew.delivery.person_checkout import apply_to
from nightcrew.errors import Transient
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.queue.audit.actor import actor
from nightcrew.queue.audit.line import Act, Value, cleaned
from nightcrew.queue.audit.log import enter, latest
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_table import QueuedTask
from nightcrew.secrets.account import Account, keep_account, kept_account
from nightcrew.settings import Settings

CREW = "crew"

log = logging.getLogger(__name__)


def note(
    settings: Settings,
    act: Act,
    about: str,
    details: Mapping[str, object] | None = None,
    *,
    token: str | None = None,
) -> None:
    """Enter an act; `token` is the name of the secret that it was done with.

    Raises:
        Transient: the state store cannot be reached or written to; do not do the act.
    """
    who = actor() if token is None else replace(actor(), token=token)
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        try:
            with store.engine.begin() as connection:
                enter(connection, act, about, details, who=who)
        except DBAPIError as error:
            raise Transient(
                f"nothing was done, because the audit log cannot be written: {error.orig}"
            ) from None


def change_account(settings: Settings, account: Account) -> None:
    """Store the account of the crew, if it is another one than before."""
    if account != kept_account(settings.home):
        note(settings, Act.KEY, account.base_url, {"has_key": account.api_key is not None})
        keep_account(settings.home, account)


def keep_credential(settings: Settings, address: str, credential: Credential) -> None:
    """Store the credential for the repository at `address`."""
    note(settings, Act.KEY, address, {"username": credential.username})
    Credentials(settings.credentials_dir).keep(address, credential)


def apply_change(settings: Settings, queued: QueuedTask, folder: Path, patch: str) -> Sequence[str]:
    """Apply the accepted change of a task to the files of a person's checkout, as `apply_to` does."""
    note(settings, Act.APPLY, queued.task_id, {"folder": str(folder)})
    return apply_to(folder, patch)


def note_start(settings: Settings, workers: int) -> None:
    """Enter the start of the crew, and its settings if they are not those of the start before."""
    values = cleaned(_configured(settings))
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        with store.engine.begin() as connection:
            before = latest(connection, Act.SETTINGS, CREW)
            if before is None or json.loads(before)["details"] != values:
                assert isinstance(values, dict)
                enter(connection, Act.SETTINGS, CREW, values)
            enter(connection, Act.START, CREW, {"workers": workers})


def note_stop(settings: Settings) -> None:
    """Enter the stop of the crew, which ends whether it can be entered or not."""
    try:
        note(settings, Act.STOP, CREW)
    except (Transient, DBAPIError) as error:
        log.error("the stop of the crew is not in the audit log: %s", error)


# ---------------------------------------------------------------------------------------------------------


def _configured(settings: Settings) -> dict[str, Value]:
    """The settings that are not left at their defaults, without secrets."""
    chosen = settings.model_fields_set - {"api_key"}
    values: dict[str, Value] = settings.model_dump(mode="json", include=chosen)
    for name in ("database_url", "redis_url"):
        if url := values.get(name):
            values[name] = _without_password(str(url))
    return dict(sorted(values.items()))


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "not an address"
