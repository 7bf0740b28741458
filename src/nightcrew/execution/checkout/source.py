"""A safe view of a local repository: its objects and references in our own git directory, and nothing else.

An untrusted `.git` has no influence: git does not see its configuration, hooks, attributes, replacements and
borrowed objects, links in it are not followed, and it cannot redirect to another repository that does not
refer back to it.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from nightcrew.errors import BadInput
from nightcrew.execution.checkout.git import GitFailed, git
from nightcrew.execution.checkout.work_folder import temporary_folder

ATTRIBUTES = "* -text !eol -ident !filter !working-tree-encoding !diff !merge\n"
"""Overrides all attributes in a tree: files are checked out and compared byte for byte."""

_CONFIG = """\
[core]
\trepositoryformatversion = 1
\tbare = true
[extensions]
\tobjectFormat = {object_format}
[uploadpack]
\tallowAnySHA1InWant = true
"""
_REFERENCE = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?\s*|ref: refs/[^\0-\x20]+\s*")
_POINTER_BYTES, _NAMES_BYTES, _NAMES = 4096, 256 * 1024 * 1024, 200_000
_FANOUT = re.compile(r"[0-9a-f]{2}")
_PACK = re.compile(r"[\w.-]+\.(?:pack|idx)")


@contextmanager
def opened(repo: Path) -> Iterator[Path]:
    """A temporary git directory with the objects and references of the repository at `repo`.

    Raises:
        BadInput: there is no repository, or it refers to something outside of it.
    """
    own, common = _git_folders(repo)
    with temporary_folder("source") as view:
        (view / "config").write_text(_CONFIG.format(object_format=_object_format(common)))
        (view / "info").mkdir()
        (view / "info" / "attributes").write_text(ATTRIBUTES)
        _show_objects(common / "objects", view / "objects")
        _copy_names(own, common, view)
        yield view


def shared_folder(repo: Path) -> Path:
    """The git folder that all work trees of the repository at `repo` share; raises like `opened`."""
    return _git_folders(repo).common


def own_file(repo: Path, name: str) -> bytes | None:
    """A file of a work tree's own git folder, such as its index; None if it is missing, a link or too large.

    Raises like `opened`.
    """
    return _read(_git_folders(repo).own / name, _NAMES_BYTES)


def borrows(repo: Path) -> bool:
    """True if the repository borrows objects from another one; those are not used."""
    return (_git_folders(repo).common / "objects" / "info" / "alternates").exists()


# ---------------------------------------------------------------------------------------------------------


class _GitFolders(NamedTuple):
    """A working tree's own git folder (with HEAD), and the one that it shares with others."""

    own: Path
    common: Path


def _git_folders(repo: Path) -> _GitFolders:
    inner = repo / ".git"
    if inner.is_symlink():
        raise BadInput(f"{inner} is a symbolic link: name the repository that it points to")
    if inner.is_file():
        return _linked(repo, inner)
    folder = inner if inner.is_dir() else repo
    if not _is_git_folder(folder):
        raise BadInput(f"{repo} is not a git repository")
    return _GitFolders(folder, folder)


def _linked(repo: Path, inner: Path) -> _GitFolders:
    """A working tree with its git directory elsewhere; that directory has to refer back to it."""
    pointer = (_read(inner, _POINTER_BYTES) or b"").decode(errors="surrogateescape")
    place = pointer.removeprefix("gitdir:").strip()
    if not pointer.startswith("gitdir:") or not place or "\0" in place:
        raise BadInput(f"{repo} is not a git repository")
    own = (repo / place).resolve()
    common = own.parent.parent if own.parent.name == "worktrees" else own
    if not own.is_dir() or not _is_git_folder(common):
        raise BadInput(f"{inner} refers to {own}, which is not a git repository")
    if not (own.is_relative_to(repo) or _knows_of(own, common, repo)):
        raise BadInput(
            f"{inner} refers to {own}, which does not refer to {repo}: name the repository itself, or run "
            "'git worktree repair' in it"
        )
    return _GitFolders(own, common)


def _knows_of(own: Path, common: Path, repo: Path) -> bool:
    if own != common:  # a worktree
        back = (_read(own / "gitdir", _POINTER_BYTES) or b"").decode(errors="surrogateescape").strip()
        return bool(back) and "\0" not in back and (own / back).resolve() == repo / ".git"
    back = _setting(common, "core.worktree")  # a submodule
    return bool(back) and (own / back).resolve() == repo


def _is_git_folder(folder: Path) -> bool:
    head = folder / "HEAD"
    return all(_is_folder(folder / name) for name in ("objects", "refs")) and (
        head.is_symlink() or head.is_file()
    )


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _setting(common: Path, name: str) -> str:
    """One setting of the repository, read as text without taking effect."""
    text = _read(common / "config", _NAMES_BYTES)
    if text is None:
        return ""
    try:
        found = git("config", "--file", "-", "--no-includes", "--get", name, stdin=text)
    except GitFailed:
        return ""
    return found.decode(errors="surrogateescape").rstrip("\n")


def _object_format(common: Path) -> str:
    found = _setting(common, "extensions.objectFormat").lower() or "sha1"
    if found not in {"sha1", "sha256"}:
        raise BadInput(f"{common} has an object format that Nightcrew does not support")
    return found


def _show_objects(objects: Path, shown: Path) -> None:
    """Link folders of objects, and single packs, so that git sees nothing that names other places.

    Those are alternates, and an index of several packs, whose names may lead out of the folder.
    """
    (shown / "pack").mkdir(parents=True)
    for entry in _plain_entries(objects):
        if not entry.is_dir(follow_symlinks=False):
            continue
        if entry.name == "pack":
            for pack in _plain_entries(Path(entry.path)):
                if _PACK.fullmatch(pack.name):
                    (shown / "pack" / pack.name).symlink_to(pack.path)
        elif _FANOUT.fullmatch(entry.name):
            for _ in _plain_entries(Path(entry.path)):
                pass
            (shown / entry.name).symlink_to(entry.path)


def _plain_entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise BadInput(
                    f"{entry.path} is a symbolic link: objects must be in the repository itself "
                    "(run 'git repack -a -d' in a clone of it)"
                )
            yield entry


def _copy_names(own: Path, common: Path, view: Path) -> None:
    """Copy HEAD, branches, tags and the limits of a shallow history."""
    (view / "refs").mkdir()
    _copy(own / "HEAD", view / "HEAD", _POINTER_BYTES)
    for name in ("packed-refs", "shallow"):
        _copy(common / name, view / name, _NAMES_BYTES)
    count = 0
    for folder, folders, files in (common / "refs").walk(follow_symlinks=False):
        folders[:] = [name for name in folders if (folder / name) != common / "refs" / "replace"]
        here = view / "refs" / folder.relative_to(common / "refs")
        here.mkdir(exist_ok=True)
        for name in files:
            count += 1
            if count > _NAMES:
                raise BadInput(f"{common} has more than {_NAMES} references: run 'git pack-refs --all' there")
            _copy(folder / name, here / name, _POINTER_BYTES)


def _copy(source: Path, target: Path, limit: int) -> None:
    """Copy a file with references; other or too large files are left out."""
    content = _read(source, limit)
    if content is not None and (limit > _POINTER_BYTES or _REFERENCE.fullmatch(content)):
        target.write_bytes(content)


def _read(path: Path, limit: int) -> bytes | None:
    """A regular file's content; None for anything else, such as a link or a too large file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        return file.read(limit)
