"""The clean room: base checked out afresh, the patch applied as data, and the means to run code on both.

It has two trees, `base` and `patched`; each run gets its own copy, so nothing that a test leaves behind
affects the next run.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Any

from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.base import copy_tree
from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.checkout.work_folder import work_folder
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.execution.environments.environment import Environment, build_environment, project_paths
from nightcrew.execution.environments.layout import read_target
from nightcrew.execution.sandbox import Mount, Sandbox
from nightcrew.secrets.files import write_shown
from nightcrew.settings import Settings
from nightcrew.target_config import TargetConfig
from nightcrew.task import Task, TaskType
from nightcrew.validation.change.change import Change, PatchRefused, apply_patch
from nightcrew.validation.change.parser import parse_patch
from nightcrew.validation.change.paths import is_test_module
from nightcrew.validation.change.test_files import TestFiles
from nightcrew.validation.change.tree import Tree
from nightcrew.validation.loaded.forks import pytest_loaded
from nightcrew.validation.running.measured import Measured
from nightcrew.validation.running.metadata import PROGRAMS, project_metadata
from nightcrew.validation.running.version_files import write_version_files

_DATA = (".txt", ".json", ".csv", ".toml", ".yaml", ".yml", ".xml")


@dataclass
class CleanRoom:
    """Everything that a gate may read or run."""

    task: Task
    commit: str
    config: TargetConfig
    sandbox: Sandbox
    environment: Environment
    folder: Path
    base: Path
    patched: Path
    changes: tuple[Change, ...]
    cache: Path  # for results of base
    types: Path  # for the types of Python's own library
    evidence: Path | None = None
    forks: Path | None = None  # the socket at which a process with pytest loaded is asked for
    measured: Measured = field(default_factory=Measured, init=False)
    _made: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False)

    def once[T](self, make: "Callable[[CleanRoom], T]") -> T:
        """The result of `make` for this room, computed once and shared by all callers."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    @cached_property
    def base_tree(self) -> Tree:
        """Base's files, each read once."""
        return Tree(self.base)

    @cached_property
    def patched_tree(self) -> Tree:
        """The patched tree's files, each read once."""
        return Tree(self.patched)

    @cached_property
    def python_paths(self) -> tuple[str, ...]:
        """Import roots inside the sandbox."""
        paths = project_paths(self.base, self.config.root)
        return (*paths, *(mount.target for mount in self._metadata))

    @property
    def programs(self) -> str:
        """The folders of programs inside the sandbox: the environment's, the project's own, the system's."""
        return f"{self.environment.bin}:{PROGRAMS}:/usr/local/bin:/usr/bin:/bin"

    @property
    def root(self) -> str:
        """The folder of the judged project, where its tests start; empty for the repository's root."""
        return self.config.root

    def environment_variables(self, hash_seed: int = 0) -> dict[str, str]:
        """What a program of a run finds in its environment."""
        return {
            **self.config.variables,
            "PATH": self.programs,
            "PYTHONPATH": ":".join(self.python_paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": str(hash_seed),
        }

    def mounts(self, tree: Path) -> tuple[Mount, ...]:
        """What a run on `tree` can read besides it: the environment, and the project's own metadata."""
        is_patched = tree == self.patched
        return (*self.environment.mounts, *(self._patched_metadata if is_patched else self._metadata))

    @cached_property
    def _metadata(self) -> tuple[Mount, ...]:
        return project_metadata(self.base / self.config.root, self.folder / "metadata")

    @cached_property
    def _patched_metadata(self) -> tuple[Mount, ...]:
        """Base's metadata with the version that the change declares: a release may be part of it."""
        folder = self.folder / "metadata of the change"
        return project_metadata(
            self.base / self.config.root, folder, released=self.patched / self.config.root
        )

    @cached_property
    def target(self) -> str | None:
        """The target file's path where it exists in the patched tree."""
        name = self.task.target_file
        return name if name is not None and (self.patched / name).is_file() else None

    def is_test(self, path: str) -> bool:
        """True for a file that holds tests of the repository, or that only tests use."""
        return self._tests.holds(path)

    def is_data(self, path: str) -> bool:
        """True for a text or table inside a package: code may read it, so it is no document."""
        holders = (self.base / one / "__init__.py" for one in PurePosixPath(path).parents if one.name)
        return path.lower().endswith(_DATA) and any(one.is_file() for one in holders)

    @cached_property
    def _tests(self) -> TestFiles:
        return TestFiles(self.base_tree)

    def change(self, path: str) -> Change | None:
        """What the patch does to `path`."""
        return next((change for change in self.changes if change.path == path), None)

    @contextmanager
    def copy(self, tree: Path, replaced: Mapping[str, str | None] | None = None) -> Iterator[Path]:
        """A temporary copy of a tree, with the text of some files replaced; None: without the file."""
        folder = Path(mkdtemp(dir=self.folder, prefix="run-"))
        try:
            copy = folder / "tree"
            copy_tree(tree, copy)
            for path, text in (replaced or {}).items():
                if text is None:
                    (copy / path).unlink(missing_ok=True)
                else:
                    write_text(copy / path, text)
            yield copy
        finally:
            remove_tree(folder)

    def source(self, path: str, *, base: bool = False) -> str | None:
        """A file's text without byte order mark, in the patched tree or on base; None where there is none."""
        tree = (self.base if base else self.patched).resolve()
        place = tree / path
        if not place.is_file() or place.resolve() != place:
            return None
        return place.read_bytes().decode("utf-8", "surrogateescape").removeprefix("\ufeff")


@contextmanager
def open_room(
    task: Task,
    patch: str | None,
    source: Checkout,
    *,
    settings: Settings,
    sandbox: Sandbox,
    evidence: Path | None = None,
) -> Iterator[CleanRoom]:
    """A clean room for one patch against `source`, which is copied; the room is deleted afterwards.

    Without a patch, it shows base as it is.

    Raises:
        PatchRefused: the patch cannot be applied as data.
        BadInput, Transient: the repository or its environment is the problem, not the patch.
    """
    files = parse_patch(patch) if patch is not None else ()
    with work_folder(settings.work_dir, "room") as folder, pytest_loaded(settings, sandbox) as forks:
        base = folder / "base"
        copy_tree(source.path, base)
        _check_target(task, base)
        changes = apply_patch(files, lambda path: read_base(base, path)) if files else ()
        config = read_target(base, task.target_file or _product_of(changes))
        write_version_files(base, config.root)
        patched = folder / "patched"
        copy_tree(base, patched)
        for change in changes:
            write_change(patched, change)
        environment = _environment(base, config, settings, sandbox)
        yield CleanRoom(
            task, source.commit, config, sandbox, environment, folder, base, patched, changes,
            settings.base_runs_dir, settings.types_dir, evidence, forks,
        )  # fmt: skip


def _product_of(changes: Sequence[Change]) -> str | None:
    """The first product file that a change edits, where its task names no target."""
    files = [one.path for one in changes if one.path.endswith(".py")]
    return next((path for path in files if not is_test_module(path)), next(iter(files), None))


def _check_target(task: Task, base: Path) -> None:
    """Refuses a target that base does not have, for tests, bug fixes and refactorings."""
    about = {TaskType.UNIT_TEST, TaskType.BUG_FIX, TaskType.REFACTORING}
    name = task.target_file
    if name is not None and task.task_type in about and not (base / name).is_file():
        raise BadInput(
            f"target_file {name} does not exist at {task.base}: {task.task_type} is work on a file that does"
        )


def read_base(tree: Path, path: str) -> str | None:
    """Base's text of `path`; None where the file does not exist.

    Raises:
        PatchRefused: a part of the path is a symlink, or the file is binary.
    """
    place = tree
    for part in path.split("/"):
        place = place / part
        if place.is_symlink():
            raise PatchRefused(f"the patch goes through the symbolic link {place.relative_to(tree)}")
    if place.is_dir():
        raise PatchRefused(f"{path} is a folder on base")
    for parent in place.relative_to(tree).parents:
        if (tree / parent).is_file():
            raise PatchRefused(f"{parent} is a file on base, the patch uses it as a folder")
    if not place.is_file():
        return None
    content = place.read_bytes()
    if b"\x00" in content:
        raise PatchRefused(f"the patch changes the binary file {path}")
    return content.decode("utf-8", "surrogateescape")


def write_change(tree: Path, change: Change) -> None:
    """Writes, or removes, the changed file in a tree."""
    path = tree / change.path
    if change.after is None:
        path.unlink()
        return
    write_text(path, change.after)
    if change.executable:
        os.chmod(path, 0o755)  # noqa: PTH101, S103


def write_text(path: Path, text: str) -> None:
    """Writes text as it is, without translating line ends."""
    write_shown(path, text.encode("utf-8", "surrogateescape"))


def _environment(base: Path, config: TargetConfig, settings: Settings, sandbox: Sandbox) -> Environment:
    """The environment; a failed build never counts against the change."""
    try:
        return build_environment(base, config, settings, sandbox)
    except BadInput as error:
        raise Transient(str(error)) from error
