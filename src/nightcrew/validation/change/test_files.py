"""Which files of a repository are tests: those that its runner collects, and those that only tests use.

All other files are product. A folder's name alone shows little: the product may use `shop/testing/hosts.py`.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath

from nightcrew.validation.change.paths import TEST_FOLDERS, is_test, is_test_module, module_name
from nightcrew.validation.change.pytest_settings import setting_of
from nightcrew.validation.change.tree import Tree

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]++([\w.]*+)[ \t]++import[ \t]++(\([^()]*\)|[^\n#]+)|import[ \t]+([^\n#]+))",
    re.MULTILINE,
)
_WORD = re.compile(r"[\w.]+")
_SKIPPED = {"site-packages", ".venv", "venv"}


class TestFiles:
    """The tests of the tree `base`, and the paths where a change may add tests."""

    __test__ = False

    def __init__(self, base: Tree) -> None:
        self.base = base

    def holds(self, path: str) -> bool:
        """True for a file with tests, or one that only tests use."""
        if PurePosixPath(path).name == "conftest.py":
            return True
        if self._is_collected_by_name(path) and module_name(path) not in self._imported:
            return True
        if not is_test(path) or (path.endswith(".py") and module_name(path) in self._imported):
            return False
        return is_test_module(path) or self._is_folder_of_tests(path)

    def _is_collected_by_name(self, path: str) -> bool:
        """True for a file that the repository's `python_files` names as tests: `test.py`, `*_tests.py`."""
        name = PurePosixPath(path).name
        return name.endswith(".py") and any(fnmatchcase(name, one) for one in self._patterns)

    @cached_property
    def _patterns(self) -> list[str]:
        words = (setting_of(self.base.folder, "python_files") or "").split()
        return [one for one in words if "test" in one.lower()]  # `*.py` says nothing of one file

    def _is_folder_of_tests(self, path: str) -> bool:
        parts = PurePosixPath(path).parts
        at = next(index for index, part in enumerate(parts) if part.lower() in TEST_FOLDERS)
        folder = self.base.folder.joinpath(*parts[: at + 1])
        in_package = (folder.parent / "__init__.py").is_file()
        if parts[at].lower() == "tests" or not (in_package or parts[at].lower() == "testing"):
            return True
        if in_package and parts[at].lower() == "testing":
            return False
        below = f"{folder.relative_to(self.base.folder).as_posix()}/"
        there = (one for one in self.base.paths if one.startswith(below))
        return not folder.is_dir() or any(map(is_test_module, there))

    @cached_property
    def _imported(self) -> frozenset[str]:
        """Full names of the modules that the product imports on base."""
        found: set[str] = set()
        for path, text in self.base.python.items():
            name, folders = PurePosixPath(path).name, set(PurePosixPath(path).parts)
            if not (is_test(path) or name == "conftest.py" or _SKIPPED & folders):
                found.update(_imports(text, module_name(path), name))
        return frozenset(found)


# ------------------------------------------------------------------------------------------------------


def _imports(text: str, module: str, file: str) -> Iterator[str]:
    """Full names that a module imports and that may be modules."""
    package = module.split(".") if file == "__init__.py" else module.split(".")[:-1]
    for source, names, plain in _IMPORT.findall(text):
        if plain:
            yield from (match[0] for match in _WORD.finditer(plain))
            continue
        level = len(source) - len(source.lstrip("."))
        above = package[: len(package) - level + 1] if level else []
        root = ".".join([*above, *filter(None, [source.lstrip(".")])])
        yield root
        yield from (f"{root}.{match[0]}" for match in _WORD.finditer(names))
