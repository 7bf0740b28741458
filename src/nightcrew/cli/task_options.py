"""From command-line options to a `Task`."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nightcrew.address import without_secret
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.secrets.redaction import known_secrets
from nightcrew.settings import Settings, first_problem
from nightcrew.task import Task


def make_task(settings: Settings, *, repo: str, **fields: Any) -> Task:
    """A task from options; a path to a repository becomes absolute, because the crew runs elsewhere.

    A token in the repository's address is removed and stored in the crew's home.

    Raises:
        BadInput: one sentence about the first invalid option.
    """
    address, credential = without_secret(absolute_repo(repo))
    if credential is not None:
        known_secrets.add(credential.password)  # redacted from here on, e.g. in error messages
    try:
        task = Task(repo=address, **fields)
    except ValidationError as error:
        raise BadInput(first_problem(error)) from None
    if credential is not None:
        Credentials(settings.credentials_dir).keep(address, credential)
    return task


def absolute_repo(repo: str) -> str:
    """`repo` with a local path made absolute; URLs and `host:path` forms as they are."""
    if "://" in repo or (":" in repo and not Path(repo).exists()):
        return repo
    return str(Path(repo).expanduser().resolve())
