"""What a Python file can do: each name is followed to where it comes from, whatever it is called here.

Imports, assignments, `getattr` with a text that stands in pieces, `__import__`, `sys.modules` and `vars` are
followed; a name of a powerful module that is only made when the code runs counts as a power itself.
"""

import ast
import re
from collections.abc import Iterator

from nightcrew.validation.questions.powers import HARMLESS, INNARDS, METHODS, NAMES, PLACES, Power, Use
from nightcrew.validation.reading.constants import folded

_MODULES = {name.split(".")[0] for name in NAMES} | {"shutil", "pathlib", "importlib", "builtins"}
_BUILTINS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "open",
    "getattr",
    "globals",
    "vars",
    "breakpoint",
    "__builtins__",
}
_LOOKING_UP = {"getattr", "builtins.getattr", "object.__getattribute__", "inspect.getattr_static"}
_IMPORTING = {
    "__import__",
    "importlib.import_module",
    "importlib.__import__",
    "builtins.__import__",
    "pkgutil.resolve_name",
}
_OPENING = {"open", "io.open", "codecs.open", "os.fdopen", "gzip.open", "bz2.open", "lzma.open",
            "builtins.open",
            "zipfile.ZipFile", "tarfile.open", "os.open"}  # fmt: skip
_SAFE_LOADERS = {"SafeLoader", "CSafeLoader", "BaseLoader"}
_PASSES = 3


def python_powers(tree: ast.Module) -> list[Use]:
    """Every use of a power in a file, in the order of lines."""
    return sorted(set(_Reader(tree).uses()), key=lambda use: (use.line, use.what))


# ------------------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.nodes = [*ast.walk(tree)]
        self.told = {
            id(node.value)
            for node in self.nodes
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        self.own = {node.name for node in self.nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        self.known: dict[str, str] = {}
        self.all_of: list[str] = []  # modules of which everything is imported
        self.inner: set[int] = set()  # parts of a longer dotted name
        self._follow()

    def _follow(self) -> None:
        """What each name of the file stands for."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for one in node.names:
                    first = one.name.split(".")[0]
                    self.known[one.asname or first] = one.name if one.asname else first
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for one in node.names:
                    if one.name == "*":
                        self.all_of.append(node.module)
                    self.known[one.asname or one.name] = f"{node.module}.{one.name}"
        for _ in range(_PASSES):
            for node in self.nodes:
                for target, value in _bindings(node):
                    name = self.origin(value)
                    if name is not None and target not in self.known:
                        self.known[target] = name

    def origin(self, node: ast.AST | None) -> str | None:
        """The dotted name of Python's world that an expression stands for; None: something of its own."""
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.origin(node.value)
            return None if owner is None else _plain(f"{owner}.{node.attr}")
        if isinstance(node, ast.Subscript):
            owner, key = self.origin(node.value), _text(node.slice)
            if owner in {"sys.modules", "globals", "builtins.globals"} and key:
                return key
            return _plain(f"{owner}.{key}") if owner is not None and key else None
        if isinstance(node, ast.Call):
            return self._result(node)
        if isinstance(node, ast.NamedExpr | ast.Await):
            return self.origin(node.value)
        return None

    def _named(self, name: str) -> str | None:
        if name in self.known:
            return self.known[name]
        if name in _BUILTINS and name not in self.own:
            return name
        return next((f"{module}.{name}" for module in self.all_of if f"{module}.{name}" in NAMES), None)

    def _result(self, node: ast.Call) -> str | None:
        """What a call gives, where it only looks something up."""
        function = self.origin(node.func)
        texts = [_text(one) for one in node.args]
        if function in _LOOKING_UP and len(node.args) > 1:
            owner = self.origin(node.args[0])
            return _plain(f"{owner}.{texts[1]}") if owner and texts[1] else None
        if function in _IMPORTING and texts and texts[0]:
            return texts[0].replace(":", ".")
        if function in {"vars", "builtins.vars", "functools.partial", "operator.methodcaller"} and node.args:
            return self.origin(node.args[0])
        if function in {"globals", "builtins.globals"}:
            return "globals"
        if isinstance(node.func, ast.Attribute) and node.func.attr in {
            "get",
            "__getattribute__",
            "__getitem__",
        }:
            owner = self.origin(node.func.value)
            if owner and texts and texts[0]:
                return texts[0] if owner == "sys.modules" else _plain(f"{owner}.{texts[0]}")
        inner = node.func
        if isinstance(inner, ast.Call) and self.origin(inner.func) == "operator.attrgetter" and inner.args:
            owner, name = self.origin(node.args[0]) if node.args else None, _text(inner.args[0])
            return _plain(f"{owner}.{name}") if owner and name else None
        return None

    def uses(self) -> Iterator[Use]:
        """Uses of a power, each with its line."""
        for node in self.nodes:
            if isinstance(node, ast.Attribute):
                self.inner.add(id(node.value))
            elif isinstance(node, ast.Call) and self.origin(node.func) in _IMPORTING and self.origin(node):
                self.inner.add(id(node.func))  # as plain as an import: what it gives is followed
        for node in self.nodes:
            line = getattr(node, "lineno", 1)
            if (
                isinstance(node, ast.Attribute | ast.Name | ast.Subscript | ast.Call)
                and id(node) not in self.inner
            ):
                power = _power_of(self.origin(node))
                if power is not None:
                    yield Use(power[0], power[1], line)
            if (
                isinstance(node, ast.Subscript)
                and not _text(node.slice)
                and self.origin(node.value) in _MODULES
            ):
                yield Use(Power.DYNAMIC, "a name that is made when the code runs", line)
            if isinstance(node, ast.Attribute) and node.attr in INNARDS:
                yield Use(Power.DYNAMIC, node.attr, line)
            elif isinstance(node, ast.Call):
                yield from (Use(power, what, line) for power, what in self._called(node))
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for one in node.names:
                    power = _power_of(f"{node.module}.{one.name}")
                    if power is not None:
                        yield Use(power[0], power[1], line)
            elif self._names_a_place(node):
                yield Use(Power.CREDENTIALS, ast.unparse(node)[:60], line)

    def _names_a_place(self, node: ast.AST) -> bool:
        text = node.value if isinstance(node, ast.Constant) and id(node) not in self.told else None
        return isinstance(text, str) and re.search(PLACES, text[:2000]) is not None

    def _called(self, node: ast.Call) -> Iterator[tuple[Power, str]]:
        function = self.origin(node.func)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if function in _LOOKING_UP and len(node.args) > 1 and not _text(node.args[1]):
            owner = self.origin(node.args[0])
            if owner is not None and owner.split(".")[0] in _MODULES:
                yield Power.DYNAMIC, f"a name of {owner} that is made when the code runs"
        if function in _OPENING or method == "open":
            if _is_for_writing(node, 1 if function in _OPENING else 0):
                yield Power.WRITE, f"{function or 'open'} for writing"
        elif method in METHODS and function is None:
            yield METHODS[method], f".{method}()"
        if function in {"yaml.load", "yaml.load_all"}:
            words = {
                part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "")
                for part in ast.walk(node)
            }
            if not words & _SAFE_LOADERS:
                yield Power.UNSAFE_DATA, "yaml.load without a safe loader"


def _power_of(name: str | None) -> tuple[Power, str] | None:
    """The power of a dotted name, by its longest known beginning."""
    if name is None:
        return None
    parts = name.split(".")
    beginnings = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    if any(one in HARMLESS for one in beginnings):
        return None
    if parts[0] == "socket" and parts[-1].isupper():
        return None
    known = next((one for one in beginnings if one in NAMES), None)
    return None if known is None else (NAMES[known], name)


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Plain names that a statement binds, each with its value."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    if isinstance(node, ast.Assign):
        pairs = [(target, node.value) for target in node.targets]
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        pairs = [(node.target, node.value)]
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        pairs = [(node.optional_vars, node.context_expr)]
    elif isinstance(node, ast.arguments):
        names = [*node.posonlyargs, *node.args]
        late = zip(names[len(names) - len(node.defaults) :], node.defaults, strict=True)
        yield from ((one.arg, value) for one, value in late)
    for target, value in pairs:
        if isinstance(target, ast.Name):
            yield target.id, value
        elif (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            yield from (
                (one.id, part)
                for one, part in zip(target.elts, value.elts, strict=True)
                if isinstance(one, ast.Name)
            )


def _text(node: ast.AST) -> str | None:
    value = folded(node) if isinstance(node, ast.expr) else None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _plain(name: str) -> str:
    """A dotted name without the detours that Python allows."""
    return name.replace(".__dict__", "").replace("builtins.", "").replace("__builtins__.", "")


def _is_for_writing(call: ast.Call, position: int) -> bool:
    modes = [
        *call.args[position : position + 1],
        *(word.value for word in call.keywords if word.arg == "mode"),
    ]
    texts = [_text(one) for one in modes]
    return any(text is not None and len(text) < 6 and set(text) & set("wax+") for text in texts) or any(
        "O_WRONLY" in ast.unparse(one) or "O_RDWR" in ast.unparse(one) or "O_CREAT" in ast.unparse(one)
        for one in modes
    )
