"""What the rest of the repository shows about a changed file: uses of its names, and moved text."""

import ast
import re
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import PurePosixPath

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_test, module_name
from nightcrew.validation.change.tree import Tree
from nightcrew.validation.questions.promises import expected_in_tests
from nightcrew.validation.questions.surface import surface
from nightcrew.validation.reading.names import own_name
from nightcrew.validation.reading.suite import read, walk
from nightcrew.validation.running.clean_room import CleanRoom

_ALIKE = 0.5
_HISTORY = re.compile(r"(?i)(^|/)(change|history|news)[^/]*$")


class Repository:
    """Both trees, and what differs between them."""

    def __init__(self, base: Tree, patched: Tree, changes: tuple[Change, ...]) -> None:
        self.base, self.patched, self.changes = base, patched, changes
        self._new = {change.path: change.after for change in changes}

    def after(self, path: str) -> str:
        """The new text of a changed file."""
        return self._new.get(path) or ""

    def text_elsewhere(self, path: str) -> str:
        """The new text of every other changed file."""
        return "\n".join(text for name, text in self._new.items() if name != path and text)

    def is_hidden(self, path: str) -> bool:
        """True where a part of the path is private, or the file is not in a package."""
        return any(part.startswith("_") and not part.startswith("__") for part in PurePosixPath(path).parts)

    def is_named(self, path: str) -> bool:
        """True where a Python file of the patched tree names this file."""
        name = PurePosixPath(path).name
        return any(name in text for text in self.patched.python.values())

    def expected(self, path: str) -> set[str]:
        """Exceptions that base's tests of a module expect."""
        stem = PurePosixPath(path).stem
        tests = (text for name, text in self.base.python.items() if is_test(name) and stem in name)
        return {error for text in tests for error in expected_in_tests(text)}

    @cached_property
    def documents(self) -> list[str]:
        """Base's prose for its users."""
        return [
            text
            for path, text in self.base.documents.items()
            if path.endswith((".md", ".rst", ".txt")) and not is_test(path) and not _HISTORY.search(path)
        ]


class World:
    """The rest of the repository, as seen from one module."""

    def __init__(self, repository: Repository, path: str) -> None:
        self.repository, self.path = repository, path
        self.is_package = PurePosixPath(path).name == "__init__.py"  # it exports what it imports
        self.is_hidden = repository.is_hidden(path)

    def is_used(self, name: str) -> bool:
        """True where another file of the patched tree takes the name from this module."""
        if "." in name:
            return False
        module = re.escape(module_of(self.path).rsplit(".", 1)[-1])
        word = rf"\b{re.escape(name)}\b"
        used = re.compile(
            rf"from\s+[\w.]*\b{module}\s+import\s+(?:\([^)]*{word}|[^\n(]*{word})|\b{module}\.{word}",
            re.DOTALL,
        )
        return any(
            other != self.path and name in text and used.search(text)
            for other, text in self.repository.patched.python.items()
        )

    def is_named(self, name: str) -> bool:
        """True where base writes the name elsewhere than in its definition."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        texts = [*self.repository.base.python.values(), *self.repository.base.documents.values()]
        return sum(len(word.findall(text)) for text in texts if name in text) > 1

    def is_internal(self, name: str) -> bool:
        """True for a name that base's product uses itself and neither exports, re-exports, nor documents."""
        exported = surface(read(self.repository.base.python.get(self.path))).exported
        word = re.compile(rf"\b{re.escape(name)}\b")
        if (
            self.is_package
            or name in exported
            or any(word.search(text) for text in self.repository.documents)
        ):
            return False
        product = {other: text for other, text in self.repository.base.python.items() if not is_test(other)}
        for other, text in product.items():
            if other.endswith("__init__.py") and other != self.path and word.search(text):
                return False
        raised = name.endswith(("Error", "Exception", "Warning"))  # meant for the code that catches it
        module = module_of(self.path).rsplit(".", 1)[-1]
        return not raised and any(
            _uses(name, text, "" if other == self.path else module) for other, text in product.items()
        )

    def has_module(self, name: str) -> bool:
        """True for a module or package of the patched tree in the folder of this one."""
        start = str(PurePosixPath(self.path).parent / name)
        return any(one.startswith((f"{start}.", f"{start}/")) for one in self.repository.patched.paths)

    def is_missed(self, name: str) -> bool:
        """True where the patched tree still names it."""
        return self.is_used(name) or _mentions(name, self.repository.after(self.path))

    def class_of(self, name: str) -> tuple[ast.ClassDef, ...]:
        """The classes of this name in the patched tree."""
        found: list[ast.ClassDef] = []
        if name:
            for text in self.repository.patched.python.values():
                if f"class {name}" in text:
                    nodes = walk(read(text))
                    found += [one for one in nodes if isinstance(one, ast.ClassDef) and one.name == name]
        return tuple(found)


def repository_of(room: CleanRoom) -> Repository:
    """The repository of a clean room."""
    return Repository(room.base_tree, room.patched_tree, room.changes)


def _uses(name: str, text: str, module: str) -> bool:
    """True where code reads a name of `module`; without a module, one of its own file. The same word for
    another thing is no use."""
    nodes = [*walk(read(text))] if name in text else []
    froms = [one for one in nodes if isinstance(one, ast.ImportFrom) and one.module]
    given = {alias.name for one in froms if str(one.module).split(".")[-1] == module for alias in one.names}
    is_read = any(
        isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load) for one in nodes
    )
    return (
        name in given
        or (is_read and (not module or "*" in given))
        or any(
            isinstance(one, ast.Attribute) and one.attr == name and own_name(one.value) == module
            for one in nodes
        )
    )


def _mentions(name: str, text: str) -> bool:
    return name in text and re.search(rf"\b{re.escape(name)}\b", text) is not None


def _is_sibling(old: str, new: str) -> bool:
    """True for files of one folder and kind whose names differ by a version or a digest: `a-1f3c.css`."""

    def plain(path: str) -> str:
        return re.sub(r"[-._][0-9a-f.]{4,}(?=[-._]|$)", "", path)

    return plain(old) == plain(new) and plain(old) != old


def module_of(path: str) -> str:
    """A Python file's dotted module name; for any other file, its path without the suffix."""
    return module_name(path) if path.endswith(".py") else PurePosixPath(path).stem


def new_place(change: Change, changes: tuple[Change, ...]) -> str | None:
    """Where a deleted file's text is now: in a new file that is similar to it."""
    old = (change.before or "").split("\n")
    best, place = _ALIKE, None
    for other in changes:
        if not other.is_new or other.after is None:
            continue
        if module_of(other.path) == module_of(change.path):
            return other.path  # a module that became a package, or a script that got another suffix
        if _is_sibling(change.path, other.path):
            return other.path
        matcher = SequenceMatcher(None, old, other.after.split("\n"), autojunk=False)
        ratio = matcher.ratio() if matcher.quick_ratio() >= best else 0.0
        if ratio > best:
            best, place = ratio, other.path
    return place
