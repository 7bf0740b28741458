"""What a Python module offers to other code: names with their signatures, decorators, bases and contents."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from nightcrew.validation.reading.names import last_part
from nightcrew.validation.reading.suite import walk

type Function = ast.FunctionDef | ast.AsyncFunctionDef


class Kind(StrEnum):
    """What a name is bound to."""

    FUNCTION = "function"
    CLASS = "class"
    VALUE = "value"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Item:
    """One name: its line, and what it is bound to."""

    name: str  # dotted inside the module: `Class.method`
    kind: Kind
    line: int
    node: ast.AST


@dataclass(slots=True)
class Surface:
    """All names of one module."""

    items: dict[str, Item] = field(default_factory=dict)
    exported: dict[str, int] = field(default_factory=dict)  # `__all__`, with lines
    options: dict[str, int] = field(default_factory=dict)  # of command-line options, with lines
    is_script: bool = False
    is_dynamic: bool = False  # has a `__getattr__`, or a star import
    texts: set[str] = field(default_factory=set)  # every string literal of the code


def surface(tree: ast.Module) -> Surface:
    """The surface of a module."""
    found = Surface()
    for node in _statements(tree.body):
        _add(node, "", found)
        found.is_script |= isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
    for inner in walk(tree):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            found.texts.add(inner.value)
        elif isinstance(inner, ast.Call):
            found.options |= dict(_options(inner))
    return found


def is_public(name: str) -> bool:
    """True where no part of a dotted name is private; special names such as `__eq__` are public."""
    return all(not part.startswith("_") or is_special(part) for part in name.split("."))


def is_special(name: str) -> bool:
    """True for special names such as `__eq__`."""
    return name.startswith("__") and name.endswith("__") and len(name) > 4


# ------------------------------------------------------------------------------------------------------


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that can run when the module or class is executed, in any branch."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.TryStar | ast.With):
            for inner in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, inner, []))
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)


def _add(node: ast.stmt, prefix: str, found: Surface) -> None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        _add_function(node, prefix, found)
    elif isinstance(node, ast.ClassDef):
        name = prefix + node.name
        found.items[name] = Item(name, Kind.CLASS, node.lineno, node)
        for inner in _statements(node.body):
            _add(inner, f"{name}.", found)
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        _add_value(node, prefix, found)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            found.is_dynamic |= name == "*"
            found.items.setdefault(prefix + name, Item(prefix + name, Kind.IMPORT, node.lineno, node))


def _add_function(node: Function, prefix: str, found: Surface) -> None:
    last = [last_part(one) for one in node.decorator_list]
    if "overload" in last:
        return
    accessor = next((word for word in last if word in {"setter", "deleter"}), "")
    name = f"{prefix}{node.name}{f'.{accessor}' if accessor else ''}"
    found.items[name] = Item(name, Kind.FUNCTION, node.lineno, node)
    found.is_dynamic |= name == "__getattr__"
    if prefix:
        for inner in walk(node):
            if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                attribute = f"{prefix}{inner.attr}"
                if isinstance(inner.value, ast.Name) and inner.value.id in {"self", "cls"}:
                    found.items.setdefault(attribute, Item(attribute, Kind.VALUE, inner.lineno, inner))


def _add_value(node: ast.Assign | ast.AnnAssign | ast.AugAssign, prefix: str, found: Surface) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        for inner in walk(target):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                name = prefix + inner.id
                if not isinstance(node, ast.AugAssign):
                    found.items[name] = Item(name, Kind.VALUE, node.lineno, node)
                if name == "__all__" and node.value is not None:
                    found.exported |= dict.fromkeys(_literal_texts(node.value), node.lineno)


def _literal_texts(node: ast.expr) -> Iterator[str]:
    for inner in walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def _options(call: ast.Call) -> Iterator[tuple[str, int]]:
    """Command-line options that a call declares."""
    if last_part(call.func).lower() in {"add_argument", "option", "add_option"}:
        for one in call.args:
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.startswith("-"):
                yield one.value, call.lineno
