"""What a Python file can do, by the names in Python's libraries that it uses.

Building the name of a powerful module at run time counts as a power itself.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import lru_cache

from nightcrew.validation.effects.given import uses_of_input
from nightcrew.validation.questions.powers import (
    HARMLESS,
    INNARDS,
    METHODS,
    NAMES,
    OF_PRODUCT,
    PLACES,
    RUNNERS,
    Power,
    Use,
)  # fmt: skip
from nightcrew.validation.reading.names import names_of
from nightcrew.validation.reading.origins import IMPORTING, LOOKING_UP, Origins, origins_of, text_of
from nightcrew.validation.reading.suite import MOST_TREES, walk
from nightcrew.validation.tables import Table

_HELD = {name for name, power in NAMES.items() if power not in OF_PRODUCT}
_MODULES = {name.split(".")[0] for name in _HELD} | {"shutil", "pathlib", "importlib", "builtins"}
_TABLE = Table("powers")
_OPENING, _SAFE_LOADERS = (_TABLE.words("python", key) for key in ("opening", "safe_loaders"))
_SHARED, _SETTING = _TABLE.words("python", "shared"), re.compile("add|clear|disable|remove|set")
_TEMPORARY = _TABLE.words("python", "temporary")
_STANDARD = sys.stdlib_module_names | {"builtins"}
_SHORT = 40  # characters of a text that can be a name
_WRITING_FLAGS = ("O_WRONLY", "O_RDWR", "O_CREAT")


@lru_cache(maxsize=MOST_TREES)
def python_powers(tree: ast.Module) -> tuple[Use, ...]:
    """Every use of a power in a file, in the order of lines."""
    return tuple(sorted(set(_Reader(tree).uses()), key=lambda use: (use.line, use.what)))


# ------------------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, tree: ast.Module) -> None:
        self.origins = origins_of(tree)
        self.nodes = self.origins.nodes
        self.docstrings = {
            id(node.value)
            for node in self.nodes
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        self.given = {"sys.modules", *self.origins.known.values()}  # by imports, not by assignment
        assigned = (one for one in self.nodes if isinstance(one, ast.Assign) and self._is_shared(one.value))
        self.shared = {ast.unparse(target) for one in assigned for target in one.targets}
        self.undone = {id(inner) for node in self.nodes for inner in _undone(node, self.origins)}
        self.inner: set[int] = set()  # parts of a longer dotted name
        for node in self.nodes:
            if isinstance(node, ast.Attribute):
                self.inner.add(id(node.value))
            elif isinstance(node, ast.Call) and self._of(node.func) in IMPORTING and self._of(node):
                self.inner.add(id(node.func))  # as clear as an import: its result is followed

    def _of(self, node: ast.AST) -> str | None:
        return self.origins.of(node)

    def uses(self) -> Iterator[Use]:
        """Uses of a power, each with its line."""
        yield from uses_of_input(self.nodes)
        for node in self.nodes:
            line = getattr(node, "lineno", 1)
            yield from (Use(power, what, line) for power, what in self._named(node))
            yield from (Use(power, what, line) for power, what in self._reached(node))

    def _named(self, node: ast.AST) -> Iterator[tuple[Power, str]]:
        """Powers of the dotted name that an expression or an import refers to."""
        names: list[str | None] = []
        if isinstance(node, ast.Attribute | ast.Name | ast.Subscript | ast.Call):
            names = [self._of(node)] if id(node) not in self.inner and id(node) not in self.undone else []
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{one.name}" for one in node.names]
        for name in filter(None, names):
            power = _power_of(name)
            if power is not None:
                yield power, name

    def _reached(self, node: ast.AST) -> Iterator[tuple[Power, str]]:
        """Powers that no dotted name shows: internal attributes, paths, names looked up at run time."""
        match node:
            case ast.Subscript() if not text_of(node.slice) and self._of(node.value) in _MODULES:
                yield Power.DYNAMIC, "a name that is made when the code runs"
            case ast.Attribute() if node.attr in INNARDS:
                yield Power.DYNAMIC, node.attr
            case ast.Call():
                yield from self._called(node)
            case ast.Constant(value=str(text)) if id(node) not in self.docstrings:
                if PLACES.search(text[:2000]):
                    yield Power.CREDENTIALS, ast.unparse(node)[:60]
                if len(text) < _SHORT and RUNNERS.search(text):
                    yield Power.RUNNER, repr(text)
            case ast.Assign() | ast.AugAssign() | ast.Delete():
                targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
                yield from ((Power.EVERYBODY, what) for one in targets for what in self._replaced(one))

    def _is_shared(self, node: ast.AST) -> bool:
        """True for a call that gives an object of the whole process."""
        return isinstance(node, ast.Call) and not node.args and self._of(node.func) in _SHARED

    def _replaced(self, target: ast.expr) -> Iterator[str]:
        """An assignment to an attribute of a Python module, which changes it for the whole process."""
        holder = target.value if isinstance(target, ast.Attribute | ast.Subscript) else None
        root = holder
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if root is not None and (self._is_shared(root) or ast.unparse(root) in self.shared):
            yield f"{ast.unparse(target)[:60]} is another one"
        name = self._of(holder) if holder is not None else None
        is_table = isinstance(target, ast.Subscript) and name != "sys.modules"
        if name is None or name.split(".")[0] not in _STANDARD or is_table:
            return
        is_method = getattr(target, "attr", "").startswith("__")
        is_class = isinstance(holder, ast.Attribute) and (is_method or holder.attr[:1].isupper())
        if name in self.given or (is_class and name.rpartition(".")[0] in self.given):
            yield f"{name}.{getattr(target, 'attr', '...')} is another one"

    def _looked_up(self, function: str | None, arguments: list[ast.expr]) -> Iterator[tuple[Power, str]]:
        if function in LOOKING_UP and len(arguments) > 1 and not text_of(arguments[1]):
            owner = self._of(arguments[0]) or ""
            if owner.split(".")[0] in _MODULES:
                yield Power.DYNAMIC, f"a name of {owner} that is made when the code runs"

    def _handed_on(self, function: str | None, node: ast.Call) -> Iterator[tuple[Power, str]]:
        """A powerful module that is an argument: what gets it can look up and replace anything in it."""
        for one in node.args if function not in LOOKING_UP else ():
            if isinstance(one, ast.Name | ast.Attribute) and self._of(one) in _MODULES:
                yield Power.EVERYBODY, f"{self._of(one)} as an argument of {ast.unparse(node.func)[:40]}"

    def _called(self, node: ast.Call) -> Iterator[tuple[Power, str]]:
        function = self._of(node.func)
        yield from self._handed_on(function, node)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        yield from self._looked_up(function, node.args)
        if method == "" and function == "setattr" and len(node.args) > 1:
            member = ast.Attribute(node.args[0], text_of(node.args[1]) or "...", ast.Store())
            yield from ((Power.EVERYBODY, what) for what in self._replaced(member))
        if function in _OPENING or method == "open":
            if _is_for_writing(node, 1 if function in _OPENING else 0):
                yield Power.WRITE, f"{function or 'open'} for writing"
        elif (
            isinstance(node.func, ast.Attribute)
            and _SETTING.match(method)
            and (self._is_shared(node.func.value) or ast.unparse(node.func.value) in self.shared)
        ):
            yield Power.EVERYBODY, f"{ast.unparse(node.func)[:60]}()"
        elif method in METHODS and function is None:
            yield METHODS[method], f".{method}()"
        if function in {"yaml.load", "yaml.load_all"} and not _SAFE_LOADERS & names_of(node):
            yield Power.UNSAFE_DATA, "yaml.load without a safe loader"


def _undone(node: ast.AST, origins: Origins) -> Iterator[ast.AST]:
    """The nodes inside a block that restores the former values at its end."""
    if isinstance(node, ast.With) and any(
        isinstance(one.context_expr, ast.Call) and origins.of(one.context_expr.func) in _TEMPORARY
        for one in node.items
    ):
        yield from (inner for statement in node.body for inner in walk(statement))


def _power_of(name: str) -> Power | None:
    """The power of a dotted name, by its longest known prefix."""
    parts = name.split(".")
    beginnings = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    if any(one in HARMLESS for one in beginnings) or (parts[0] == "socket" and parts[-1].isupper()):
        return None
    return next((NAMES[one] for one in beginnings if one in NAMES), None)


def _is_for_writing(call: ast.Call, position: int) -> bool:
    modes = call.args[position : position + 1]
    modes += [word.value for word in call.keywords if word.arg == "mode"]
    texts = [text for one in modes if (text := text_of(one)) is not None and len(text) < 6]
    flags = [flag for one in modes for flag in _WRITING_FLAGS if flag in ast.unparse(one)]
    return bool(flags) or any(set(text) & set("wax+") for text in texts)
