"""Where the names of a Python file come from: each is followed to a library's name, whatever its local name.

Imports, assignments, `getattr` with a string put together from pieces, `__import__`, `sys.modules` and
`vars` are followed.
"""

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache

from nightcrew.validation.reading.constants import folded
from nightcrew.validation.reading.names import defaults_of
from nightcrew.validation.reading.suite import MOST_TREES, nodes_of
from nightcrew.validation.tables import Table

_TABLE = Table("powers")
_POWERFUL = {name for names in _TABLE.texts("names").values() for name in names}
_BUILTINS, LOOKING_UP, IMPORTING = (
    _TABLE.words("python", key) for key in ("builtins", "looking_up", "importing")
)
_GIVES_ITS_FIRST = {"vars", "builtins.vars", "functools.partial", "operator.methodcaller"}
_GLOBALS = {"globals", "builtins.globals"}
_ITEM_METHODS = {"get", "__getattribute__", "__getitem__"}
_PASSES = 3


@lru_cache(maxsize=MOST_TREES)
def origins_of(tree: ast.Module) -> "Origins":
    """What the names of one file refer to; all callers share it, so none may change it."""
    return Origins(tree)


class Origins:
    """What the names and expressions of one file refer to."""

    def __init__(self, tree: ast.Module) -> None:
        self.nodes = nodes_of(tree)
        self.own = {node.name for node in self.nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        self.known: dict[str, str] = {}
        self.all_of: list[str] = []  # modules of which everything is imported
        for node in self.nodes:
            self._import(node)
        for _ in range(_PASSES):
            for node in self.nodes:
                for target, value in _bindings(node):
                    name = self.of(value)
                    if name is not None and target not in self.known:
                        self.known[target] = name

    def of(self, node: ast.AST | None) -> str | None:
        """The dotted library name that an expression refers to; None for the file's own code."""
        match node:
            case ast.Name():
                return self._named(node.id)
            case ast.Attribute():
                return self._member(self.of(node.value), node.attr)
            case ast.Subscript():
                owner, key = self.of(node.value), text_of(node.slice)
                if owner in {"sys.modules", *_GLOBALS} and key:
                    return key
                return self._member(owner, key)
            case ast.Call():
                return self._result(node)
            case ast.NamedExpr() | ast.Await():
                return self.of(node.value)
        return None

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for one in node.names:
                first = one.name.split(".")[0]
                self._know(one.asname or first, one.name if one.asname else first)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                if one.name == "*":
                    self.all_of.append(node.module)
                self._know(one.asname or one.name, f"{node.module}.{one.name}")

    def _know(self, name: str, origin: str) -> None:
        """Notes an import; of two under one name, as for two Pythons, the one of this library counts."""
        known = self.known.get(name, "")
        if not _is_standard(known) or _is_standard(origin):
            self.known[name] = origin

    def _named(self, name: str) -> str | None:
        if name in self.known:
            return self.known[name]
        if name in _BUILTINS and name not in self.own:
            return name
        return next((f"{module}.{name}" for module in self.all_of if f"{module}.{name}" in _POWERFUL), None)

    def _result(self, node: ast.Call) -> str | None:
        """What a call refers to, where it only looks something up."""
        function, first = self.of(node.func), node.args[0] if node.args else None
        text = text_of(first)
        if function in LOOKING_UP and len(node.args) > 1:
            return self._member(self.of(first), text_of(node.args[1]))
        if function in IMPORTING and text:
            return text.replace(":", ".")
        if function in _GIVES_ITS_FIRST and first is not None:
            return self.of(first)
        if function in _GLOBALS:
            return "globals"
        return self._item(node, text) or self._by_getter(node)

    def _item(self, node: ast.Call, text: str | None) -> str | None:
        """The result of calls such as `sys.modules.get("os")` and `os.__getattribute__("system")`."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in _ITEM_METHODS:
            return None
        owner = self.of(node.func.value)
        return text if owner == "sys.modules" and text else self._member(owner, text)

    def _by_getter(self, node: ast.Call) -> str | None:
        """The result of calls such as `operator.attrgetter("system")(os)`."""
        getter = node.func
        if isinstance(getter, ast.Call) and getter.args and self.of(getter.func) == "operator.attrgetter":
            return self._member(self.of(node.args[0]) if node.args else None, text_of(getter.args[0]))
        return None

    def _member(self, owner: str | None, name: str | None) -> str | None:
        """A dotted name without the indirections that Python allows."""
        if not owner or not name:
            return None
        whole = f"{owner}.{name}".replace(".__dict__", "")
        return whole.replace("builtins.", "").replace("__builtins__.", "")


def _is_standard(origin: str) -> bool:
    return origin.split(".")[0] in sys.stdlib_module_names


def text_of(node: ast.AST | None) -> str | None:
    """The string that an expression of literals evaluates to."""
    value = folded(node) if isinstance(node, ast.expr) else None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


# ------------------------------------------------------------------------------------------------------


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Plain names that a statement binds, each with its value."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    match node:
        case ast.Assign():
            pairs = [(target, node.value) for target in node.targets]
        case ast.AnnAssign(value=ast.expr() as value) | ast.NamedExpr(value=value):
            pairs = [(node.target, value)]
        case ast.withitem(optional_vars=ast.expr() as target):
            pairs = [(target, node.context_expr)]
        case ast.arguments():
            yield from ((one.arg, value) for one, value in defaults_of(node))
    for target, value in pairs:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            parts = zip(target.elts, value.elts, strict=False)
            yield from ((one.id, part) for one, part in parts if isinstance(one, ast.Name))
        elif isinstance(target, ast.Name):
            yield target.id, value
