"""A change given as texts: what a question that only reads says about it."""

from collections.abc import Mapping
from pathlib import Path

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.tree import Tree
from nightcrew.validation.questions.empowered import powers_gained
from nightcrew.validation.questions.lost import losses
from nightcrew.validation.questions.repository import Repository
from nightcrew.validation.questions.request import Request
from nightcrew.validation.running.clean_room import write_text
from nightcrew.validation.verdict import Finding

type Files = Mapping[str, str | None]  # text by path; None: the file is not there


def lost(
    folder: Path, before: Files, after: Files, *, asked: str = "Fix the bug.", rest: Files | None = None
) -> list[Finding]:
    """What *Lost?* finds; `rest` are files that the change does not touch."""
    return [*losses(Request(asked), _repository(folder, before, after, rest or {}))]


def gained(
    folder: Path, before: Files, after: Files, *, asked: str = "Fix the bug.", rest: Files | None = None
) -> list[Finding]:
    """What *Empowered?* finds."""
    return [*powers_gained(Request(asked), _repository(folder, before, after, rest or {}))]


def _repository(folder: Path, before: Files, after: Files, rest: Files) -> Repository:
    for name, files in (("base", {**rest, **before}), ("patched", {**rest, **before, **after})):
        (folder / name).mkdir()
        for path, text in files.items():
            if text is not None:
                write_text(folder / name / path, text)
    changes = tuple(Change(path, before.get(path), text) for path, text in sorted(after.items()))
    return Repository(Tree(folder / "base"), Tree(folder / "patched"), changes)
