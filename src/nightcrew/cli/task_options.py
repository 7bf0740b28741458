"""From command-line options to a `Task`."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nightcrew.errors import BadInput
from nightcrew.settings import first_problem
from nightcrew.task import Task


def make_task(*, repo: str, **fields: Any) -> Task:
    """A task from options; a path to a repository becomes absolute, since the crew works elsewhere.

    Raises:
        BadInput: one sentence about the first thing that does not fit.
    """
    try:
        return Task(repo=absolute_repo(repo), **fields)
    except ValidationError as error:
        raise BadInput(first_problem(error)) from None


def absolute_repo(repo: str) -> str:
    """`repo` with a local path made absolute; URLs and `host:path` forms as they are."""
    if "://" in repo or (":" in repo and not Path(repo).exists()):
        return repo
    return str(Path(repo).expanduser().resolve())
