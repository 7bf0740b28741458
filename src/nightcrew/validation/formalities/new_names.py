"""The import into a package of what the change itself defines: it is tried in the file that defines it."""

import ast
from collections.abc import Iterable
from pathlib import PurePosixPath

from nightcrew.validation.change.change import Change
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import BACK, GONE
from nightcrew.validation.reading.suite import read, walk


def brings_new_names(path: str, part: Mutant, changes: Iterable[Change]) -> bool:
    """True for a part of the file at `path` that is such an import."""
    node = next(iter(read(part.before.strip()).body), None)
    is_package = path.endswith("/__init__.py") and not part.function
    if not (is_package and isinstance(node, ast.ImportFrom) and part.operator in (GONE, BACK)):
        return False
    kept = {one.name for held in walk(read(part.text)) for one in getattr(held, "names", [])}
    names = {one.name for one in node.names if one.asname in (None, one.name)} - kept
    stem = (node.module or "").rpartition(".")[2]
    there = [one for one in changes if PurePosixPath(one.path).stem == stem]
    return bool(names) and any(names <= _defined(one.after) - _defined(one.before) for one in there)


# ---------------------------------------------------------------------------------------------------------


def _defined(text: str | None) -> set[str]:
    """The functions and classes of a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {one.name for one in read(text).body if isinstance(one, kinds)}
