"""Looks into a task's repository before the task is stored.

What could only fail minutes later is refused at once: a target file that is not there, work that is measured
in Python in a repository without any, an invalid configuration file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from nightcrew import host
from nightcrew.address import Protocol, folder_of, protocol_of
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.git import GitFailed, git
from nightcrew.execution.checkout.source import opened
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.checkout.workspace import check_size, resolve_commit
from nightcrew.target_config import load_target_config
from nightcrew.task import Task, TaskType
from nightcrew.untrusted import MOST_FILE_BYTES

_IN_PYTHON = frozenset({TaskType.UNIT_TEST, TaskType.BUG_FIX, TaskType.REFACTORING})
"""Work on existing code, whose gates run and change Python."""
_CONFIGURED_BY = ("nightcrew.toml", "pyproject.toml")
_PYTHON = (".py", ".pyi", ".pyx", ".ipynb")


@dataclass(frozen=True, slots=True)
class _Base:
    """What tasks start from: a commit, and its files where the repository is on this machine."""

    commit: str
    files: Sequence[str] | None


class Admission:
    """Admits tasks, and looks into each base once: make one for a batch, because a branch may move later."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials
        self._bases: dict[tuple[str, str], _Base] = {}

    def admit(self, task: Task) -> str:
        """The full id of the commit that a task starts from.

        A repository on a server is not fetched for this; it is looked into when the task begins.

        Raises:
            BadInput: there is no such repository, commit or target file; it is too large; its nightcrew.toml
                is invalid; or this type of work is not supported there.
            Transient: a remote repository cannot be reached.
        """
        key = task.repo, task.base
        if key not in self._bases:
            self._bases[key] = _look_into(*key, self._credentials)
        base = self._bases[key]
        if base.files is not None:
            _check_files(task, base.files)
        return base.commit


def admit(task: Task, *, credentials: Credentials | None = None) -> str:
    """The commit that one task starts from; raises what `Admission.admit` raises."""
    return Admission(credentials).admit(task)


def root_of(folder: Path) -> Path:
    """The root of the repository that a folder belongs to; the folder itself where there is none."""
    holders = (place for place in (folder, *folder.parents) if (place / ".git").exists())
    return folder if (folder / "objects").is_dir() else next(holders, folder)


# ---------------------------------------------------------------------------------------------------------


def _look_into(repo: str, base: str, credentials: Credentials | None) -> _Base:
    commit = resolve_commit(repo, base, credentials=credentials)
    if protocol_of(repo) is not Protocol.FILE:
        return _Base(commit, None)
    with opened(folder_of(repo).resolve()) as source:
        try:
            check_size(commit, source)
            names = git("ls-tree", "-r", "-z", "--name-only", commit, git_dir=source)
            files = names.decode(errors="surrogateescape").split("\0")[:-1]
            _check_configuration(source, commit, files)
        except GitFailed as error:
            raise BadInput(f"{repo} at {commit[:12]} cannot be read: {error}") from None
    return _Base(commit, files)


def _check_files(task: Task, files: Sequence[str]) -> None:
    if task.task_type not in _IN_PYTHON:
        return
    where = f"{task.repo} at {task.base}"
    if not any(name.endswith(_PYTHON) for name in files):
        raise BadInput(
            f"{where} has no Python file: a {task.task_type} is measured by running Python code; "
            "other languages are supported for documentation and build scripts only"
        )
    if task.target_file is None or task.target_file in files:
        return
    raise BadInput(f"{where} has no file {task.target_file}{_suggestion(task.target_file, files)}")


def _suggestion(target: str, files: Sequence[str]) -> str:
    inside = [name for name in files if name.startswith(f"{target}/") and name.endswith(_PYTHON)]
    if inside:
        return f", it is a folder: name a file in it, such as {inside[0]}"
    same = [name for name in files if PurePosixPath(name).name == PurePosixPath(target).name]
    near = same[:1] or get_close_matches(target, files, n=1)
    return f": do you mean {near[0]}?" if near else ": commit it first, or name another one"


def _check_configuration(source: Path, commit: str, files: Sequence[str]) -> None:
    """Read the configuration at the commit, as a task will."""
    with temporary_folder("config") as folder:
        for name in set(_CONFIGURED_BY).intersection(files):
            try:
                content = git(
                    "cat-file", "blob", f"{commit}:{name}", git_dir=source, output_bytes=MOST_FILE_BYTES
                )
            except host.Overflow:
                raise BadInput(f"{name} is larger than {MOST_FILE_BYTES} bytes") from None
            Path(folder, name).write_bytes(content)
        try:
            load_target_config(Path(folder))
        except BadInput as error:
            raise BadInput(f"{error}; correct it and commit it") from None
