"""Reads and lists files of a tree that may contain links: never through a link, and within bounds."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_SKIPPED = frozenset({".git", "__pycache__", ".venv", "venv", "node_modules", "build", "dist", ".tox"})
_LISTED = 20_000


def plain_file(tree: Path, name: str) -> Path | None:
    """The regular file `name` of the tree without a link in its path, or None."""
    path = tree
    for part in PurePosixPath(name).parts:
        path = path / part
        if part in {"..", "/"} or path.is_symlink():
            return None
    return path if path.is_file() else None


def read_text(tree: Path, name: str, limit: int) -> str | None:
    """At most `limit` characters of a text file; None if there is no such file or it is not text."""
    path = plain_file(tree, name)
    if path is None:
        return None
    with path.open("rb") as file:
        content = file.read(4 * limit)
    if b"\0" in content:
        return None
    text = content.decode(errors="replace")
    return text if len(text) <= limit else f"{text[:limit]}\n[cut here: the file is longer]\n"


def files_of(tree: Path) -> Iterator[str]:
    """The names of the tree's regular files in order, without tools' caches; a bounded number."""
    count = 0
    for folder, folders, files in tree.walk(follow_symlinks=False):
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED and not name.endswith(".egg-info")
        )
        for name in sorted(files):
            path = folder / name
            if not path.is_symlink():
                yield path.relative_to(tree).as_posix()
                count += 1
            if count >= _LISTED:
                return
