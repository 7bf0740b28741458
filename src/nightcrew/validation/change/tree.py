"""The files of a checked-out tree: listed and read once, and shared by all gates."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

MOST_FILES = 5_000  # files of one kind that are read
MOST_BYTES = 2_000_000  # of one file; a larger one contains data
_SKIPPED = {".git", "__pycache__", "node_modules"}
_DOCUMENTS = {".md", ".rst", ".txt", ".toml", ".cfg", ".yml", ".yaml", ".in"}
_BUILDING = {"setup.py", "package.json", "Makefile", "Dockerfile"}


class Tree:
    """A folder whose files no longer change. Links are not followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Every file, sorted, without git's own, compiled and installed ones."""
        return tuple(sorted(self._found()))

    @cached_property
    def python(self) -> Mapping[str, str]:
        """Texts of the Python files by path."""
        return self.texts(".py")

    @cached_property
    def documents(self) -> Mapping[str, str]:
        """Texts of documents, and of the files that define how the project is built, by path."""
        return self._read(
            one
            for one in self.paths
            if PurePosixPath(one).suffix.lower() in _DOCUMENTS or PurePosixPath(one).name in _BUILDING
        )

    def texts(self, *suffixes: str) -> dict[str, str]:
        """Texts of the files with one of these suffixes, by path."""
        return self._read(one for one in self.paths if one.endswith(suffixes))

    def _found(self) -> Iterator[str]:
        for folder, folders, names in self.folder.walk():
            folders[:] = [name for name in folders if name not in _SKIPPED]
            below = folder.relative_to(self.folder)
            yield from ((below / name).as_posix() for name in names if not (folder / name).is_symlink())

    def _read(self, paths: Iterator[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in paths:
            place = self.folder / path
            if len(found) < MOST_FILES and place.is_file() and place.stat().st_size <= MOST_BYTES:
                found[path] = place.read_text(encoding="utf-8", errors="surrogateescape")
        return found
