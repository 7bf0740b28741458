"""Writes a commit and a branch into a local repository without running git there.

Its configuration and hooks are untrusted: `git push` would run `receive-pack` in it, which obeys both. So we
add a pack and a reference as git would, beginning at the repository's own folder, through no symbolic link.
"""

import os
import re
import stat
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nightcrew.errors import BadInput
from nightcrew.execution.checkout.git import git
from nightcrew.execution.checkout.source import opened, shared_folder

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME = re.compile(r"refs/(?:heads/)?nightcrew/[a-z0-9][a-z0-9-]*")


def add_objects(repo: Path, git_dir: Path, commit: str, known: str) -> None:
    """Add `commit` and its history since `known`, which the repository has, from our own git directory.

    Raises:
        BadInput: the repository cannot be written.
    """
    parts = git_dir / "packed"
    parts.mkdir(exist_ok=True)
    wanted = f"{commit}\n^{known}\n".encode()
    digest = git("pack-objects", "--revs", "--quiet", parts / "pack", git_dir=git_dir, stdin=wanted).decode()
    with _inside(shared_folder(repo), ("objects", "pack")) as folder:
        for ending in ("pack", "idx"):  # the index last: git looks for it
            name = f"pack-{digest.strip()}.{ending}"
            _write(folder, name, (parts / name).read_bytes(), mode=0o444)


def add_reference(repo: Path, name: str, commit: str, *, expected: str | None) -> None:
    """Let the reference `name` point to `commit`; `expected` is where it points now, None: nowhere.

    Raises:
        BadInput: it points elsewhere by now, or the repository cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"not one of our references: {name}")
    *folders, last = name.split("/")
    with _inside(shared_folder(repo), folders) as folder, _locked(folder, last) as lock:
        if references(repo).get(name) != expected:
            raise BadInput(f"{name} in {repo} was changed by somebody else; it is left as it is")
        os.write(lock, f"{commit}\n".encode())
        os.fsync(lock)
        os.rename(f"{last}.lock", last, src_dir_fd=folder, dst_dir_fd=folder)


def references(repo: Path) -> dict[str, str]:
    """Our references in a repository, with the commits that they point to.

    Raises:
        BadInput: there is no repository, or a branch is in the way of ours.
    """
    with opened(repo) as view:
        shape = "--format=%(objectname) %(refname)"
        places = ("refs/heads/nightcrew", "refs/nightcrew")
        lines = git("for-each-ref", shape, *places, git_dir=view).decode().splitlines()
    found = {name: commit for commit, _, name in (line.partition(" ") for line in lines)}
    for place in found.keys() & set(places):
        raise BadInput(f"{repo} has a reference {place}, so that there can be none below it: rename it")
    return found


# ---------------------------------------------------------------------------------------------------------


@contextmanager
def _inside(folder: Path, names: Sequence[str]) -> Iterator[int]:
    """A descriptor of a folder, opened name by name; missing ones are made like the folder above them."""
    here = os.open(folder, _FOLDER)
    try:
        for name in names:
            try:
                there = _entered(here, name)
            except OSError as error:
                where = f"{folder}/{'/'.join(names)}"
                raise BadInput(f"{where} cannot be written: {name}: {error.strerror}") from None
            os.close(here)
            here = there
        yield here
    finally:
        os.close(here)


def _entered(above: int, name: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, stat.S_IMODE(os.fstat(above).st_mode), dir_fd=above)
        made = os.open(name, _FOLDER, dir_fd=above)
        _belongs_like(above, made)
        return made
    return os.open(name, _FOLDER, dir_fd=above)


def _write(folder: int, name: str, content: bytes, *, mode: int) -> None:
    """Write a file as a whole; one that is there has the same content, because its name is its digest."""
    draft = f"tmp_nightcrew_{uuid.uuid4().hex}"
    try:
        with os.fdopen(os.open(draft, _NEW_FILE, mode, dir_fd=folder), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
            _belongs_like(folder, file.fileno())
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise BadInput(f"{name} cannot be written into the repository: {error.strerror}") from None


@contextmanager
def _locked(folder: int, name: str) -> Iterator[int]:
    """The lock file that git uses for a reference; it is gone afterwards."""
    lock = f"{name}.lock"
    try:
        descriptor = os.open(lock, _NEW_FILE, 0o644, dir_fd=folder)
    except OSError as error:
        raise BadInput(f"the branch {name} cannot be written: {lock}: {error.strerror}") from None
    try:
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(folder).st_mode) & 0o666)
        _belongs_like(folder, descriptor)
        yield descriptor
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            os.unlink(lock, dir_fd=folder)


def _belongs_like(folder: int, descriptor: int) -> None:
    """Give a new file to the folder's owner, who could not delete what root has put there."""
    if os.geteuid() == 0:
        status = os.fstat(folder)
        os.fchown(descriptor, status.st_uid, status.st_gid)
