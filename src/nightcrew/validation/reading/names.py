"""Names in an expression, in the imports of a block, and of the bases of classes."""

import ast
import builtins
import re
import sys
from collections.abc import Iterator

from nightcrew.validation.reading.suite import read, tree_text, walk

ELSEWHERE = re.compile(
    r"\bsys\.(version_info|hexversion|platform|implementation|maxsize|flags)\b|\bos\.name\b|\bplatform\.\w+\("
    r"|\bversion_info\b|\bpython_version\b"
)
"""In the text of a condition: it asks for the Python version or the platform."""


ASKING = {"isinstance", "issubclass", "callable", "hasattr"}
"""Functions that only ask what a value is."""
_TYPING = {"typing", "typing_extensions"}
_BUILT_IN = {name for name, one in vars(builtins).items() if isinstance(one, type)}
_PLAIN = {"TypedDict", "Protocol", *_BUILT_IN}  # classes that do nothing with annotations
_READING = {"__annotations__", "__init_subclass__", "get_type_hints"}
_RELEASE = re.compile(r"_*version(?:_?(?:info|tuple))?_*", re.IGNORECASE)


def own_name(node: ast.AST | None) -> str:
    """A plain name, or the last part of a dotted one; empty for any other expression."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def called(call: ast.Call) -> str:
    """The last part of the called function's name."""
    return own_name(call.func)


def imported(body: list[ast.stmt]) -> dict[tuple[str, ...], tuple[ast.Import | ast.ImportFrom, ast.alias]]:
    """What a block's own statements import, in any order and grouping."""
    found: dict[tuple[str, ...], tuple[ast.Import | ast.ImportFrom, ast.alias]] = {}
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = f"{'.' * node.level}{node.module}" if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                found[type(node).__name__, module, alias.name, alias.asname or ""] = (node, alias)
    return found


def names_of(tree: ast.AST) -> set[str]:
    """Every plain name in the expression, and the last part of every dotted one."""
    return {own_name(node) for node in walk(tree)} - {""}


def dotted(node: ast.AST) -> str:
    """`a.b.c` for an expression that is a dotted name; for a call or a subscript, the name before it."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Subscript):
            node = node.value
        else:
            break
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def last_part(node: ast.AST) -> str:
    """The last part of a dotted name: `c` of `a.b.c`."""
    return dotted(node).rsplit(".", 1)[-1]


def parameters_of(node: ast.arguments) -> list[ast.arg]:
    """Every parameter, `*args` and `**kwargs` last."""
    extra = [one for one in (node.vararg, node.kwarg) if one is not None]
    return [*node.posonlyargs, *node.args, *node.kwonlyargs, *extra]


def defaults_of(node: ast.arguments) -> list[tuple[ast.arg, ast.expr]]:
    """The parameters that have a default, with it."""
    plain = [*node.posonlyargs, *node.args]
    # The tree lists the defaults of the last parameters only.
    late = plain[len(plain) - len(node.defaults) :]
    pairs = zip([*late, *node.kwonlyargs], [*node.defaults, *node.kw_defaults], strict=True)
    return [(one, value) for one, value in pairs if value is not None]


def is_release(node: ast.AST) -> bool:
    """True for the statement that holds the number of the release."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(_RELEASE.fullmatch(getattr(one, "id", "")) for one in targets)


def is_text(node: ast.AST) -> bool:
    """True for a statement that is only a string, such as a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def expression_of(text: str) -> ast.expr | None:
    """The expression that a text is; None for a keyword, a pattern and the like."""
    body = read(f"({text.strip()})").body
    return body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None


def only_guards(condition: str, without: str, after: str) -> bool:
    """True where the operands that `without` leaves out of the condition only ask whether something is there
    or of some type, which the other operands or the code `after` it use. Any other operand decides something.
    """
    whole, rest = expression_of(condition), expression_of(without)
    if not isinstance(whole, ast.BoolOp) or rest is None:
        return True
    # Without one of two operands, what is left is no `and` or `or` any more.
    alike = isinstance(rest, ast.BoolOp) and type(rest.op) is type(whole.op)
    kept = {tree_text(one) for one in (rest.values if isinstance(rest, ast.BoolOp) and alike else [rest])}
    gone = [one for one in whole.values if tree_text(one) not in kept]
    asked = {
        ast.unparse(one.left) for one in whole.values if isinstance(one, ast.Compare) and one not in gone
    }
    if any(isinstance(one, ast.Name) and one.id in asked for one in gone):
        return False  # whether it is there is asked beside it, so that its truth decides more
    names = [_asked_about(one) for one in gone if not _is_empty(one)]
    return all(any(_is_used(name, without + after) for name in some) for some in names)


def _is_used(name: str, text: str) -> bool:
    own_quotes = text.replace('"', "'")
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", own_quotes) is not None


def _asked_about(test: ast.expr) -> list[str]:
    """What a test asks about, as text; nothing where it asks for more than presence or type."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _asked_about(inner)
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[right]):
            return [ast.unparse(one) for one in (left, right) if not isinstance(one, ast.Constant)]
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()]):
            return [ast.unparse(left)]
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in ASKING:
            return [ast.unparse(first)]
        case ast.NamedExpr(target=target):
            return [target.id]
        case ast.Name() | ast.Attribute() | ast.Subscript():
            return [ast.unparse(test)]
    return []


def _is_empty(node: ast.expr) -> bool:
    """True for what stands for nothing: `[]`, `{}`, `""`, `None`."""
    return ast.unparse(node) in ("[]", "{}", "()", "''", "b''", "None", "0", "False")


def of_typing(tree: ast.Module) -> set[str]:
    """How the file writes the names of `typing` that have no effect."""
    found: set[str] = set()
    for node in walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in _TYPING:
            found |= {one.asname or one.name for one in node.names}
        elif isinstance(node, ast.Import):
            bound = (one.asname or one.name for one in node.names if one.name in _TYPING)
            found |= {f"{one}.{name}" for one in bound for name in ("cast", "overload", "TYPE_CHECKING")}
        elif isinstance(node, ast.Assign) and ast.unparse(node) == "TYPE_CHECKING = False":
            found.add("TYPE_CHECKING")
    return found


def plain_classes(tree: ast.Module) -> set[str]:
    """The classes of the file, and those that it imports from the standard library, that do nothing with
    annotations."""
    found: set[str] = set(_PLAIN)
    modules: set[str] = set()
    if any((own_name(one) or getattr(one, "name", "")) in _READING for one in walk(tree)):
        return found
    for name, origin in _standard(tree):
        (modules if origin == name else found).add(name)
    classes = [one for one in walk(tree) if isinstance(one, ast.ClassDef)]
    for base in (base for one in classes for base in one.bases if isinstance(base, ast.Attribute)):
        found |= {base.attr} if getattr(base.value, "id", "") in modules else set()
    while fresh := {one.name for one in classes if one.name not in found and is_plain_class(one, found)}:
        found |= fresh
    return found


def _standard(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that a file imports from Python's own library, each with the module or its member; those of
    `typing` make fields of annotations."""
    for node in walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            members = [(one.asname or one.name, f"{node.module}.{one.name}") for one in node.names]
        else:
            members = [
                (one.name, one.name) for one in getattr(node, "names", ()) if isinstance(node, ast.Import)
            ]
        for name, origin in members:
            first = origin.split(".")[0]
            if first in sys.stdlib_module_names and first not in {"typing", "dataclasses"}:
                yield name, origin


def is_plain_class(node: ast.ClassDef, plain: set[str]) -> bool:
    """True for a class whose annotations have no effect."""
    known = {own_name(one) for one in node.bases} <= plain and not node.decorator_list
    return known and {one.arg for one in node.keywords} <= {"total"}
