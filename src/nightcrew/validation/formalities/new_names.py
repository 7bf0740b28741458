"""Names that a change brings and that decide nothing: the import into a package of what the change itself
defines, which is tried in that file, another way to import, and parameters that an interface asks for."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from nightcrew.validation.change.change import Change
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import BACK, GONE, UNUSED
from nightcrew.validation.reading.names import is_text, own_name, parameters_of
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import Function, read, tree_text, walk


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


def constant_of(path: str, texts: Mapping[str, str], name: str) -> ast.expr | None:
    """The value that is bound once to a name of a module, in the file at `path` or in the one that it is
    imported from; `texts`: every Python file of the repository by path.
    """
    places = [(path, name), *_imported_from(path, name, texts)]
    bound = [one for place, known in places for one in _bound(texts.get(place, ""), known)]
    return bound[0] if len(bound) == 1 and isinstance(bound[0], ast.Constant) else None


def is_same_import(path: str, part: Mutant, texts: Mapping[str, str]) -> bool:
    """True for imports that are written in another way: from `.` and from the package's name."""
    holder, package = PurePosixPath(path).parent, list[str]()
    while f"{holder}/__init__.py" in texts:
        holder, package = holder.parent, [holder.name, *package]
    bound = [_brought(read(text.strip()).body, package) for text in (part.before, part.text)]
    return bool(bound[0]) and bound[0] == bound[1]


def is_of_interface(part: Mutant, tree: ast.Module, text: SourceText, texts: Iterable[str]) -> bool:
    """True for parameters of a method that only raises, and for those that the same method of a base class in
    one of `texts` has, so that callers who know only that one may pass them."""
    for node in (one for one in walk(tree) if isinstance(one, ast.ClassDef)):
        bases = {own_name(one) for one in node.bases} - {""}
        for own in (one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)):
            start, end = text.span(own)[0], text.span(own.body[0])[0]
            if start <= part.start and part.end <= end and part.operator in (BACK, UNUSED):
                asked = [one.args for one in _methods(bases, own.name, texts)]
                if part.operator == UNUSED:
                    return any(part.before in {arg.arg for arg in parameters_of(one)} for one in asked)
                does_nothing = isinstance(own.body[-1], ast.Raise) and all(map(is_text, own.body[:-1]))
                return does_nothing or tree_text(own.args) in map(tree_text, asked)
    return False


# ---------------------------------------------------------------------------------------------------------


def _methods(classes: Iterable[str], name: str, texts: Iterable[str]) -> Iterator[Function]:
    """The methods of that name of classes of the repository."""
    wanted = [f"class {one}" for one in classes]
    for text in (one for one in texts if any(word in one for word in wanted)):
        for node in walk(read(text)):
            if isinstance(node, ast.ClassDef) and f"class {node.name}" in wanted:
                methods = (
                    one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
                )
                yield from (one for one in methods if one.name == name)


def _brought(body: list[ast.stmt], package: list[str]) -> set[tuple[str, str, str]]:
    """What imports bring: the module, the name in it and the name here; nothing for other statements."""
    found: set[tuple[str, str, str]] = set()
    for node in body:
        if not isinstance(node, ast.ImportFrom) or node.level > len(package):
            return set()
        above = package[: len(package) - node.level + 1] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        found |= {(module, one.name, one.asname or one.name) for one in node.names}
    return found


def _imported_from(path: str, name: str, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The file of the repository from which a file imports a name, and what it is called there."""
    for node in (one for one in read(texts.get(path)).body if isinstance(one, ast.ImportFrom)):
        for one in node.names:
            if (one.asname or one.name) == name:
                parts = [*PurePosixPath(path).parts[: -node.level]] if node.level else []
                there = "/".join([*parts, *(node.module or "__init__").split(".")]) + ".py"
                found = [
                    held for held in texts if held == there or (not parts and held.endswith(f"/{there}"))
                ]
                yield from ((held, one.name) for held in found if len(found) == 1)


def _bound(text: str, name: str) -> list[ast.expr | None]:
    """What the statements of a file bind to a name of its module; None for anything but a plain value."""
    stored = [one for one in walk(read(text)) if _binds(one, name)]
    heads = [(one, getattr(one, "targets", [getattr(one, "target", None)])) for one in read(text).body]
    plain = [getattr(one, "value", None) for one, held in heads if held == stored]
    return plain if len(plain) == len(stored) == 1 else [None for _ in stored]


def _binds(node: ast.AST, name: str) -> bool:
    """True where a name is bound, be it of a module or of a function."""
    if isinstance(node, ast.Name):
        return node.id == name and not isinstance(node.ctx, ast.Load)
    return name in (getattr(node, "arg", None), getattr(node, "name", None)) and not isinstance(
        node, ast.alias
    )


def _defined(text: str | None) -> set[str]:
    """The functions and classes of a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {one.name for one in read(text).body if isinstance(one, kinds)}
