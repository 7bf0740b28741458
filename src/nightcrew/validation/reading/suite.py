"""What a test module's text shows: its tests, what they check, and whether a check could ever fail."""

import ast
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from nightcrew.untrusted import Unreadable, parse_python

type Function = ast.FunctionDef | ast.AsyncFunctionDef

MOST_TREES = 128  # trees that are kept: those of one verdict, because several gates read the same one
_NOTHING = ast.Module([], [])
_PARTS: dict[type[ast.AST], tuple[str, ...]] = {}  # fields that may hold nodes, by kind of node
_TEXTS = {
    "id",
    "attr",
    "arg",
    "asname",
    "module",
    "level",
    "kind",
    "ctx",
    "type_comment",
    "conversion",
    "is_async",
    "simple",
}
_AROUND = ("setup", "teardown", "pytest_", "async", "load_tests")
_WEAK_CALLS = {"isinstance", "issubclass", "hasattr", "callable"}


@lru_cache(maxsize=MOST_TREES)
def parse(text: str) -> ast.Module | None:
    """The tree; None where the text is not Python. All callers share it, so none may change it."""
    try:
        return parse_python(text)
    except Unreadable:
        return None


def read(text: str | None) -> ast.Module:
    """The same tree; an empty one where there is no text or it is not Python."""
    return parse(text or "") or _NOTHING


def tree_of(text: str) -> ast.Module:
    """A new tree of a text that an earlier gate found to be Python, with or without a byte order mark."""
    return ast.parse(text.removeprefix("\ufeff"))


@lru_cache(maxsize=MOST_TREES)
def nodes_of(tree: ast.Module) -> tuple[ast.AST, ...]:
    """Every node of a tree that `parse` gave, the outer ones first; several gates ask for the same."""
    return tuple(walk(tree))


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node of a tree but contexts, in the order of `ast.walk` and in a third of its time."""
    found = [tree]
    for node in found:
        found += children(node)
        yield node


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes directly below a node, in their order."""
    found: list[ast.AST] = []
    kind = type(node)
    if kind not in _PARTS:
        _PARTS[kind] = tuple(name for name in kind._fields if name not in _TEXTS)
    for name in _PARTS[kind]:
        held = getattr(node, name, None)
        if isinstance(held, list):
            found += [one for one in held if isinstance(one, ast.AST)]
        elif isinstance(held, ast.AST):
            found.append(held)
    return found


def tree_text(node: ast.AST) -> str:
    """A text that is equal for the trees for which `ast.dump` is, in half of its time."""
    kind = type(node)
    if not kind._fields:
        return kind.__name__
    parts: list[str] = []
    for name in kind._fields:
        held = getattr(node, name, None)
        if isinstance(held, ast.AST):
            parts.append(tree_text(held))
        elif isinstance(held, list):
            inner = (tree_text(one) if isinstance(one, ast.AST) else repr(one) for one in held)
            parts.append(f"[{', '.join(inner)}]")
        else:
            parts.append(repr(held))
    return f"{kind.__name__}({', '.join(parts)})"


def same_tree(one: ast.AST, other: ast.AST) -> bool:
    """True where `ast.dump` gives the same for both, which takes several times as long."""
    if type(one) is not type(other):
        return False
    return all(_same(getattr(one, name, None), getattr(other, name, None)) for name in one._fields)


def _same(one: object, other: object) -> bool:
    if isinstance(one, ast.AST) and isinstance(other, ast.AST):
        return same_tree(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one is other or repr(one) == repr(other)


def copied[T: ast.AST](tree: T) -> T:
    """A new tree that may be changed, in a fifth of the time of `copy.deepcopy`."""
    kind = type(tree)
    if not kind._fields:
        return tree  # an operator or a context: it holds nothing
    made = kind.__new__(kind)
    for name, held in vars(tree).items():
        if isinstance(held, ast.AST):
            held = copied(held)
        elif isinstance(held, list):
            held = [copied(one) if isinstance(one, ast.AST) else one for one in held]
        setattr(made, name, held)
    return made


def tests_in(tree: ast.Module) -> dict[str, Function]:
    """Test functions and methods by qualified name (`TestX.test_y`); a later definition hides an earlier
    one."""
    return {name: node for name, node in _named(tree.body, "") if node.name.startswith("test")}


def texts_of_tests(tree: ast.Module) -> dict[str, str]:
    """Each test's tree as text, with the tables of its module and class that it names."""
    found: dict[str, str] = {}
    for name, node in tests_in(tree).items():
        owner = name.rpartition(".")[0]
        # A test whose table of cases differs is another test, although its function is the same.
        used = {getattr(one, "id", getattr(one, "attr", "")) for one in walk(node)}
        holders = [tree.body, *(one.body for one in tree.body if getattr(one, "name", None) == owner)]  # type: ignore[attr-defined]
        tables = [
            ast.dump(one)
            for body in holders
            for one in body
            if isinstance(one, ast.Assign) and used & {getattr(head, "id", "") for head in one.targets}
        ]
        found[name] = "\n".join([ast.dump(node), *tables])
    return found


def all_functions(tree: ast.Module) -> dict[str, Function]:
    """Every module-level function and method by qualified name."""
    return dict(_named(tree.body, ""))


def body_lines(node: Function) -> set[int]:
    """The lines of a function's body."""
    return set(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1))


def words_of(tree: ast.AST) -> frozenset[str]:
    """Every name in a text, also those in strings, by which code can reach something."""
    found: set[str] = set()
    for node in walk(tree):
        found |= {str(getattr(node, field, "")) for field in ("id", "attr", "arg", "name", "asname")}
        if isinstance(node, ast.alias):
            found |= set(node.name.split("."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(node.value.replace(".", " ").split())
    return frozenset(found - {""})


def is_around(node: Function | ast.ClassDef) -> bool:
    """True for what a runner calls around every test."""
    return node.name.lower().startswith(_AROUND) or "autouse" in ast.unparse(node)


def code_of(tree: ast.Module, tests: Collection[str]) -> list[ast.stmt]:
    """The tests of these names, and what of their module they use by name or have around them."""
    waiting, names, found = list(_pieces(tree.body)), set(tests), list[ast.stmt]()
    # What a test uses may use more of its module, so that this goes on until nothing is added.
    while fresh := [node for node in waiting if _is_used(node, names)]:
        found += fresh
        waiting = [node for node in waiting if not _is_used(node, names)]
        names.update(*map(words_of, fresh))
    return found


def _pieces(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """A module's statements, with those of its test classes and what these inherit from."""
    for node in body:
        if isinstance(node, ast.ClassDef) and any(name.startswith("test") for name in _names_in(node)):
            # A class of tests inherits tests and set-up from these, which the module names nowhere else.
            yield from map(ast.Expr, node.bases)
            yield from _pieces(node.body)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def _names_in(node: ast.ClassDef) -> Iterator[str]:
    return (getattr(one, "name", "") for one in node.body)


def _is_used(node: ast.stmt, names: Collection[str]) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name in names or is_around(node)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(word in names for one in targets for word in words_of(one))
    return True


def _named(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _named(node.body, f"{prefix}{node.name}.")
        # Tests behind a check of the version or platform are tests, too.
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _named([*node.body, *getattr(node, "orelse", [])], prefix)


def cannot_fail(test: ast.expr, bound: Mapping[str, str] | None = None) -> bool:
    """True for a condition that holds whatever the code under test does."""
    match test:
        case ast.Constant():
            return bool(test.value)
        case ast.Tuple() | ast.List():
            return bool(test.elts)
        case ast.Dict():
            return bool(test.keys)
        case ast.JoinedStr():
            return bool(test.values)
        case ast.Lambda():
            return True
        case ast.BoolOp(op=ast.Or()):
            return any(cannot_fail(value, bound) for value in test.values) or _are_opposites(test.values)
        case ast.BoolOp():
            return all(cannot_fail(value, bound) for value in test.values)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Constant(value=value)):
            return not value
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Name(id=kind)]):
            return kind == "object"
        case ast.Call(func=ast.Name(id="bool"), args=[only]):
            return cannot_fail(only, bound)
        case ast.Compare(ops=[_]):
            return comparison_cannot_fail(test, bound or {})
    return False


def comparison_cannot_fail(test: ast.Compare, bound: Mapping[str, str]) -> bool:
    """True for a comparison of something with itself, or of constants."""
    left, right, operator = test.left, test.comparators[0], test.ops[0]
    # Whichever way it goes, the code under test has no part in it.
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        return True
    sides = [tree_text(left), tree_text(right)]
    values = [bound.get(getattr(side, "id", ""), tree_text(side)) for side in (left, right)]
    # `x = f(); assert x == f()` compares the code with itself through a name.
    same = sides[0] == sides[1] or (values[0] == values[1] and "Call(" in values[0])
    if same and isinstance(operator, ast.Eq | ast.Is | ast.LtE | ast.GtE):
        # Two objects made alike are equal only where their class says so.
        return not (isinstance(operator, ast.Eq) and _makes_an_object(right))
    of_length = isinstance(left, ast.Call) and getattr(left.func, "id", "") == "len"
    return of_length and isinstance(operator, ast.GtE) and getattr(right, "value", None) == 0


def _makes_an_object(value: ast.expr) -> bool:
    if not isinstance(value, ast.Call):
        return False
    name = getattr(value.func, "attr", getattr(value.func, "id", ""))
    return name.lstrip("_")[:1].isupper()


def _are_opposites(values: list[ast.expr]) -> bool:
    """True for opposites, as in `x or not x` and `a == b or a != b`."""
    dumps = {tree_text(value) for value in values}
    return any(tree_text(other) in dumps for other in map(_opposite, values) if other is not None)


def _opposite(value: ast.expr) -> ast.expr | None:
    match value:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(ops=[ast.NotEq()]):
            return ast.Compare(value.left, [ast.Eq()], value.comparators)
        case ast.Compare(ops=[ast.IsNot()]):
            return ast.Compare(value.left, [ast.Is()], value.comparators)
    return None


def is_weak(test: ast.expr) -> bool:
    """True for a check about a type, None or truth."""
    if isinstance(test, ast.BoolOp):
        return all(is_weak(value) for value in test.values)
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name):
        return test.func.id in _WEAK_CALLS
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        if isinstance(test.ops[0], ast.IsNot | ast.NotEq):
            return isinstance(test.comparators[0], ast.Constant) and test.comparators[0].value is None
        return isinstance(test.left, ast.Call) and getattr(test.left.func, "id", "") == "type"
    return False
