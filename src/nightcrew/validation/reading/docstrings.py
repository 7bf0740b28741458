"""Docstrings: what has one, what it names, and whether it adds anything to the name."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nightcrew.validation.reading.names import is_text, names_of, own_name, parameters_of
from nightcrew.validation.reading.suite import copied, parse, tree_text, walk
from nightcrew.validation.tables import Table

_PLAIN_TYPES = {"int", "str", "bytes", "bool", "float", "list", "dict", "tuple", "set", "frozenset", "None"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DISPLAYS = {
    ast.JoinedStr: "str", ast.List: "list", ast.ListComp: "list", ast.Dict: "dict", ast.DictComp: "dict",
    ast.Tuple: "tuple",
}  # fmt: skip

type Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

_WORD = re.compile(r"[A-Za-z]+")
EMPTY_WORDS = Table("prose").words("prose", "empty")
_FIELDS = re.compile(
    r"^[ \t]*:\w[^:\n]*:|^[ \t]*(?:Args|Arguments|Parameters|Returns|Raises)[ \t]*+:?[ \t]*+$", re.MULTILINE
)


_SHOWING = Table("prose").words("docstrings", "showing")
"""Decorators of frameworks that show a function's docstring to users."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A definition that can have a docstring."""

    name: str  # qualified; empty for the module
    node: Documented
    docstring: str | None

    @property
    def words(self) -> set[str]:
        """Names of its parameters, and names in its body."""
        held = names_of(self.node)
        if isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef):
            held |= parameters(self.node)
        return held

    @property
    def is_public(self) -> bool:
        """True where no part of the name is private."""
        return not any(part.startswith("_") for part in self.name.split(".") if part)


def entries(tree: ast.Module) -> dict[str, Entry]:
    """The module, its classes and functions, by qualified name; where several have one name (a property and
    its setter, the branches of a condition) the one with a docstring."""
    found: dict[str, Entry] = {}
    for entry in _walk(tree, ""):
        if entry.docstring or not (entry.name in found and found[entry.name].docstring):
            found[entry.name] = entry
    return found


def _walk(node: Documented, name: str) -> Iterator[Entry]:
    yield Entry(name, node, ast.get_docstring(node))
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for child in _definitions(node.body):
            yield from _walk(child, f"{name}.{child.name}" if name else child.name)


def _definitions(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """The definitions in a body, also under a condition."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            handled = [one for handler in getattr(node, "handlers", []) for one in handler.body]
            yield from _definitions([*node.body, *handled, *getattr(node, "orelse", [])])


def coverage(tree: ast.Module) -> tuple[int, int]:
    """How many public definitions have a docstring, and how many there are."""
    public = [entry for entry in entries(tree).values() if entry.is_public]
    return sum(bool(entry.docstring and entry.docstring.strip()) for entry in public), len(public)


def read_by_code(fresh: list[Entry], tree: ast.AST, trees: Mapping[str, ast.Module]) -> list[str]:
    """The entries whose docstring the program itself prints: as its help, or through `__doc__`."""
    own = {one.id for one in walk(tree) if isinstance(one, ast.Name)}
    asked = {name for module in trees.values() for name in _asked_for(module)}
    found: list[str] = []
    for entry in fresh:
        marks = {
            ast.unparse(one).split("(")[0].split(".")[-1] for one in getattr(entry.node, "decorator_list", ())
        }
        if (
            ("__doc__" in own and not entry.name)
            or entry.name.split(".")[-1] in asked - {""}
            or marks & _SHOWING
        ):
            found.append(entry.name)
    return found


def without_docstrings(tree: ast.Module) -> str:
    """The code without docstrings and bare string statements, for comparison."""
    plain = copied(tree)
    for node in walk(plain):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            kept = [one for one in node.body if not is_text(one) and not isinstance(one, ast.Pass)]
            node.body = kept or [ast.Pass()]
    return tree_text(plain)


def has_same_code(before: str | None, after: str | None) -> bool:
    """True where two texts differ in docstrings and comments at most; a missing text counts as an empty one,
    and one that is not Python as other code."""
    old, new = parse(before or ""), parse(after or "")
    return old is not None and new is not None and without_docstrings(old) == without_docstrings(new)


def is_vacuous(entry: Entry) -> bool:
    """True where the docstring adds nothing to the name and the signature."""
    stems = {_stem(word) for word in _WORD.findall(entry.docstring or "")}
    known = {_stem(word) for word in EMPTY_WORDS} | _own_words(entry)
    return len({word for word in stems - known if len(word) > 2}) < 2


def skeleton(entry: Entry) -> str:
    """A one-paragraph docstring without the names from its definition: equal for all docstrings that were
    written from one template. Empty where the docstring has more parts (fields, examples)."""
    text = (entry.docstring or "").strip()
    if "\n\n" in text or ">>>" in text or _FIELDS.search(text):
        return ""
    own = _own_words(entry)
    return " ".join(word.lower() for word in _WORD.findall(text) if _stem(word) not in own)


def _asked_for(module: ast.Module) -> set[str]:
    """Names whose `__doc__` is read, but for where it only becomes the docstring of something else."""
    handed_on: set[ast.AST] = set()
    for one in walk(module):
        if isinstance(one, ast.Assign) and all(getattr(to, "attr", "") == "__doc__" for to in one.targets):
            handed_on.add(one.value)
        elif isinstance(one, ast.Dict):
            pairs = zip(one.keys, one.values, strict=True)
            handed_on |= {value for key, value in pairs if getattr(key, "value", "") == "__doc__"}
    reads = (one for one in walk(module) if isinstance(one, ast.Attribute) and one.attr == "__doc__")
    read = (one.value for one in reads if isinstance(one.ctx, ast.Load) and one not in handed_on)
    return {ast.unparse(one).split(".")[-1] for one in read}


def _own_words(entry: Entry) -> set[str]:
    """Stems of the words in its name (`fooBar.baz_qux`) and in its parameters' names."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", entry.name.replace("_", " ").replace(".", " "))
    own = {_stem(part) for part in _WORD.findall(spaced)}
    if isinstance(entry.node, ast.FunctionDef | ast.AsyncFunctionDef):
        own |= {_stem(word) for argument in parameters(entry.node) for word in argument.split("_")}
    return own


def _stem(word: str) -> str:
    word = word.lower()
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word.removesuffix("e")


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names of a function's parameters."""
    return {one.arg for one in parameters_of(node.args)}


def names_passed(tree: ast.AST) -> set[str]:
    """The names, without those of errors that are only caught, and not raised again."""
    # A handler with a bare `raise` passes on what it catches, so that its errors count.
    caught = {
        id(part)
        for one in walk(tree)
        if isinstance(one, ast.ExceptHandler) and one.type is not None
        if not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in walk(one))
        for part in walk(one.type)
    }
    return {own_name(node) for node in walk(tree) if id(node) not in caught} - {""}


def gives_something(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True where a function returns or yields a value, or is a stub of one that does."""
    for one in walk(node):
        if isinstance(one, ast.Return) and one.value is not None:
            return True
        if isinstance(one, ast.Yield | ast.YieldFrom):
            return True
    return all(
        is_text(one) or isinstance(one, ast.Pass | ast.Raise) or _is_ellipsis(one) for one in node.body
    )


def given_type(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The builtin type of all values that a function returns, where each `return` shows it; else empty."""
    inner = {
        id(part) for one in walk(node) if one is not node and isinstance(one, _SCOPES) for part in walk(one)
    }
    own = [one for one in walk(node) if id(one) not in inner]
    if isinstance(node, ast.AsyncFunctionDef) or any(
        isinstance(one, ast.Yield | ast.YieldFrom) for one in own
    ):
        return ""
    kinds = {_shown_type(one.value) for one in own if isinstance(one, ast.Return)}
    return kinds.pop() if len(kinds) == 1 else ""


def _shown_type(value: ast.expr | None) -> str:
    match value:
        case ast.Constant(value=held) if not isinstance(held, type(...)):
            return type(held).__name__ if held is not None else "None"
        case ast.UnaryOp(op=ast.Not()) | ast.Call(func=ast.Name("isinstance" | "hasattr" | "callable")):
            return "bool"
        case (
            ast.Call(func=ast.Name("str" | "repr"))
            | ast.Call(func=ast.Attribute(ast.Constant(str()), "join"))
        ):
            return "str"
        case ast.JoinedStr() | ast.List() | ast.ListComp() | ast.Dict() | ast.DictComp() | ast.Tuple():
            return _DISPLAYS[type(value)]
        case ast.Compare(left=ast.Call(func=ast.Name("len" | "str" | "type")), comparators=[_]):
            return "bool"
        case ast.Compare(ops=[ast.Is() | ast.IsNot() | ast.In() | ast.NotIn()]):
            return "bool"
    return ""


def plain_type(annotation: object) -> str:
    """A builtin type without its type arguments; empty for any other type."""
    root = re.split(r"[\[ ,]", str(annotation or "").strip("`"), maxsplit=1)
    tail = str(annotation or "")[len(root[0]) :]
    kind = {"string": "str", "integer": "int", "boolean": "bool", "List": "list", "Dict": "dict"}
    name = kind.get(root[0], root[0])
    return name if name in _PLAIN_TYPES and "|" not in tail and " or " not in tail else ""


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...
