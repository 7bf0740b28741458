"""The byte code of base and of the changed files, which every run would otherwise make anew.

It comes from a run of the sandbox that executes no code of the repository, and each run gets a copy of it in
its own copy of the tree, so that no run can choose what another one executes. Python and pytest compare it
with the source before they use it.
"""

import json
import logging
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from nightcrew.execution.sandbox import WORKSPACE, Limits, Mount
from nightcrew.task import TaskType
from nightcrew.validation.bytecode import program
from nightcrew.validation.change.paths import is_test_module
from nightcrew.validation.running.clean_room import CleanRoom

log = logging.getLogger(__name__)

MOST_FILES, MOST_BYTES = 1000, 6_000_000  # of a larger repository a verdict imports only a part
_LIMITS = Limits(wall_seconds=300.0, cpu_seconds=60, output_bytes=1_000_000)
_PROGRAM = "/opt/nightcrew/bytecode.py"
_ENDING = re.compile(r"\.[\w.+-]{1,60}\.pyc")
_FEW_RUNS = {TaskType.DOCUMENTATION, TaskType.ANALYSIS}  # they cost less than the compiler


class _Made(NamedTuple):
    """Stored byte code, and its place in a tree."""

    stored: Path
    path: str  # of the source
    place: str
    is_rewritten: bool  # by pytest, with the path of the tree in it


class Compiled:
    """The byte code for the runs of one room."""

    def __init__(self, room: CleanRoom) -> None:
        self.room = room
        self.folder = room.folder / "bytecode"

    def add_to(
        self, copy: Path, tree: Path, replaced: Mapping[str, str | None], *, rewritten: bool = True
    ) -> None:
        """Adds the byte code to a copy of base or of the patched tree, but for files with a `replaced` text.
        `rewritten`: also what pytest rewrites, for a copy that is mounted as the workspace."""
        for one in self._made.get(tree, ()):
            place = copy / one.place
            if one.path in replaced or (one.is_rewritten and not rewritten) or os.path.lexists(place):
                continue
            if not place.parent.is_symlink():
                place.parent.mkdir(exist_ok=True)
                shutil.copyfile(one.stored, place)

    @cached_property
    def _made(self) -> Mapping[Path, list[_Made]]:
        base, changed = self.room.base_tree.python, {one.path: one.after for one in self.room.changes}
        sizes = [len(text) for text in base.values()]
        if (
            self.room.task.task_type in _FEW_RUNS
            or len(sizes) > MOST_FILES
            or sum(sizes) > MOST_BYTES
            or not sizes
        ):
            return {}
        fresh = [path for path, text in changed.items() if path.endswith(".py") and text is not None]
        self._compile([("base", self.room.base, path) for path in base] + [
            ("patched", self.room.patched, path) for path in fresh
        ])  # fmt: skip
        endings = self._endings()
        of_base = {path: list(self._found("base", path, endings)) for path in base}
        of_patched = {path: made for path, made in of_base.items() if path not in changed}
        of_patched |= {path: list(self._found("patched", path, endings)) for path in fresh}
        return {
            self.room.base: [one for made in of_base.values() for one in made],
            self.room.patched: [one for made in of_patched.values() for one in made],
        }

    def _compile(self, jobs: list[tuple[str, Path, str]]) -> None:
        """Compiles copies of the files in a folder of their own, where the byte code stays."""
        asked = []
        for side, tree, path in jobs:
            copy = self.folder / side / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / path, copy)
            is_test = is_test_module(path) or PurePosixPath(path).name == "conftest.py"
            asked.append([f"{side}/{path}", f"{WORKSPACE}/{path}", is_test])
        done = self.room.sandbox.run(
            [str(self.room.environment.python), "-I", "-W", "ignore", _PROGRAM],
            workspace=self.folder,
            mounts=[*self.room.environment.mounts, Mount(Path(program.__file__).resolve(), _PROGRAM)],
            env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdin=json.dumps(asked).encode(),
            limits=_LIMITS,
        )
        if done.returncode or done.killed_by:
            log.info("not all files could be compiled: %s", done.stderr[-200:])

    def _endings(self) -> list[str]:
        """The endings for Python and for pytest; empty where there is none."""
        file = self.folder / "endings"
        lines = file.read_text("utf-8", "replace").split("\n") if _is_file(file) else []
        return [line if _ENDING.fullmatch(line) else "" for line in [*lines, "", ""][:2]]

    def _found(self, side: str, path: str, endings: list[str]) -> Iterator[_Made]:
        source = PurePosixPath(path)
        for name, ending in zip(("plain", "test"), endings, strict=True):
            stored = self.folder / side / f"{path}.{name}"
            if ending and _is_file(stored):
                place = source.parent / "__pycache__" / f"{source.stem}{ending}"
                yield _Made(stored, path, place.as_posix(), name == "test")


# ---------------------------------------------------------------------------------------------------------


def _is_file(path: Path) -> bool:
    """True for a file itself: the sandbox could have put a link in its place."""
    return path.exists(follow_symlinks=False) and stat.S_ISREG(path.lstat().st_mode)
