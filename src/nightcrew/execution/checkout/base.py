"""A repository at a task's base commit: fetched once, and copied for each use. No sandbox sees it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.work_folder import work_folder
from nightcrew.execution.checkout.workspace import Checkout, make_checkout
from nightcrew.settings import Settings


@contextmanager
def base_checkout(repo: str, commit: str, settings: Settings) -> Iterator[Checkout]:
    """A checkout of `commit` in the crew's work folder, which is removed at the end.

    Raises:
        BadInput: the repository cannot be read or lacks the commit. Transient: it cannot be reached.
    """
    with work_folder(settings.work_dir, "base") as folder:
        credentials = Credentials(settings.credentials_dir)
        yield make_checkout(repo, commit, folder / "clone", credentials=credentials)


def workspace_of(base: Checkout, tree: Path) -> Checkout:
    """A work tree with the files of `base`, to be changed by an agent.

    They share the git directory: only we write to it, and a change is always computed from the commit.
    """
    copy_tree(base.path, tree)
    return replace(base, path=tree)


def copy_tree(source: Path, target: Path) -> None:
    """A copy of a tree without git's own files; symlinks stay symlinks."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(".git"))
