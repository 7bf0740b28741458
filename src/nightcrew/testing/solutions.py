"""The solutions that scripted models can write for a task: whole files, good and bad ones.

Files next to a scenario end in `.txt`, so that no linter or test runner treats them as our code.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from nightcrew.task import TaskType


class Data(BaseModel):
    """Base of a scenario's parts: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _contents(value: object, info: ValidationInfo) -> object:
    """The contents of a solution's files, including those next to the scenario."""
    if not isinstance(value, dict):
        return value
    return {path: _content(entry, (info.context or {}).get("folder")) for path, entry in value.items()}


def _content(entry: object, folder: Path | None) -> object:
    if not isinstance(entry, dict):
        return entry
    if set(entry) != {"file"} or not isinstance(entry["file"], str):
        raise ValueError(
            'a file\'s content is a string, null (deleted) or {"file": "path next to the scenario"}'
        )
    if folder is None:
        raise ValueError("contents in files need a scenario that is a file itself")
    path = (folder / entry["file"]).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ValueError(f"no file {entry['file']} next to the scenario")
    return path.read_text(encoding="utf-8")


type Files = Annotated[dict[str, str | None], BeforeValidator(_contents)]
"""Whole files by path relative to the repository's root; null deletes the file."""


class Match(Data):
    """The tasks that a solution is for; empty fields match all."""

    task_type: TaskType | None = None
    """The line `Task type:` of the request."""
    target_file: str | None = None
    """The line `Target file:`."""
    contains: str | None = None
    """Words in the task's description (case ignored)."""


class Solution(Data):
    """The files that models of each character write for one task."""

    match: Match = Match()
    """Which tasks; empty: all."""
    good: Files = {}
    """The right files, by path: a text, `null` (deleted), or `{"file": "path next to the scenario"}`."""
    vacuous: Files = {}
    """Files that look right but check nothing."""
    wrong: Files = {}
    """Plausible but wrong files."""
    cheat: Files = {}
    """Files that only make the checks pass; empty: a conftest that ends every run with exit code 0."""
