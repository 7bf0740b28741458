"""What scripted models can write for a task: whole files, good ones and the kinds of bad ones.

Files kept beside a scenario end in `.txt`, so that no linter or test runner takes them for code of ours.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from nightcrew.task import TaskCategory


class Data(BaseModel):
    """Base of a scenario's parts: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _contents(value: object, info: ValidationInfo) -> object:
    """Contents of a solution's files, those kept beside the scenario read in."""
    if not isinstance(value, dict):
        return value
    return {path: _content(entry, (info.context or {}).get("folder")) for path, entry in value.items()}


def _content(entry: object, folder: Path | None) -> object:
    if not isinstance(entry, dict):
        return entry
    if set(entry) != {"file"} or not isinstance(entry["file"], str):
        raise ValueError(
            'a file\'s content is a string, null (deleted) or {"file": "path beside the scenario"}'
        )
    if folder is None:
        raise ValueError("contents in files need a scenario that is a file itself")
    path = (folder / entry["file"]).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ValueError(f"no file {entry['file']} beside the scenario")
    return path.read_text(encoding="utf-8")


type Files = Annotated[dict[str, str | None], BeforeValidator(_contents)]
"""Whole files by path relative to the repository's root; null deletes the file."""


class Match(Data):
    """Which tasks a solution is for; empty fields match any."""

    task_type: TaskCategory | None = None
    target_file: str | None = None
    contains: str | None = None
    """Words in the task's description (case ignored)."""


class Solution(Data):
    """What models of each character would write for one task."""

    match: Match = Match()
    good: Files = {}
    vacuous: Files = {}
    """Looks like the work and checks nothing."""
    wrong: Files = {}
    """Plausible and wrong."""
    cheat: Files = {}
    """Makes the checks pass in place of the work; empty: a stock conftest that ends every run with 0."""
