"""Other versions of a target's source: broken on purpose, or changed without changing its behaviour.

A suite that checks results fails on the first kind and passes on the second; one that cannot distinguish
them, or that detects the rig, does not.
"""

import ast
import builtins
import keyword
from collections.abc import Collection
from functools import lru_cache

from nightcrew.validation.reading.names import is_text, own_name, parameters_of
from nightcrew.validation.reading.suite import children, walk

type Function = ast.FunctionDef | ast.AsyncFunctionDef

BREAK = "raise RuntimeError('value is out of range')"
_MOST_TEXTS = 32  # of files whose lines are kept: several gates ask for the same
ADJUSTED, EXTENDED = "_adjusted", "_extended"  # names of `rig.perturb`'s functions in a perturbed module


def raising(source: str, spared: Collection[int] = ()) -> str | None:
    """A version whose functions raise when they are called; None where there is no function to break.

    `spared`: first lines of functions to leave alone (they run at import).
    """
    return _with_first_statement(source, BREAK, spared)


def returning_nothing(source: str, spared: Collection[int] = ()) -> str | None:
    """A version whose functions return None at once; None where each of them does only that anyway."""
    idle = {one.lineno for one in functions(ast.parse(source)) if is_idle(one)}
    return _with_first_statement(source, "return", {*spared, *idle})


def perturbed(source: str, spared: Collection[int] = (), name: str = ADJUSTED) -> str | None:
    """A version that returns wrong values of the right type; None where nothing is returned.

    The result needs the function of `rig.perturb` that is injected under `name`.
    """
    transformer = _Perturber(spared, name)
    tree = transformer.visit(ast.parse(source))
    return _unparsed(tree) if transformer.changed else None


def neutral(source: str, salt: int = 0) -> str:
    """A version with the same behaviour: without comments and layout, with renamed locals, a statement
    without effect in each function, and an unused function."""
    tree = ast.parse(source)
    filler = ast.parse(["_unused = None", "_unused = 0", "_unused = ()"][salt % 3]).body
    for function in functions(tree):
        if not is_delicate(function):
            _rename_locals(function, salt)
            at = _body_start(function)
            function.body[at:at] = filler  # shared: the tree is only written
    tree.body += ast.parse(f"def _unused_{salt}():\n    return None").body
    return _unparsed(tree)


def functions(tree: ast.AST) -> list[Function]:
    """Every function and method, the outer ones first."""
    found: list[ast.AST] = [tree]
    for node in found:  # only statements hold functions
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            held = getattr(node, name, None)
            found += held if isinstance(held, list) else ()
    return [node for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@lru_cache(maxsize=_MOST_TEXTS)
def function_lines(source: str) -> frozenset[int]:
    """Lines inside function bodies: what runs when something is called, not when the file is imported."""
    lines: set[int] = set()
    for node in walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = _body_start(node)
            if start < len(node.body):
                lines |= set(range(node.body[start].lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, ast.Lambda) and node.body.lineno > node.lineno:
            lines |= set(range(node.body.lineno, (node.body.end_lineno or node.body.lineno) + 1))
    return frozenset(lines)


def executable_lines(source: str) -> set[int]:
    """First lines of the statements inside functions, docstrings left out."""
    return {
        node.lineno
        for function in functions(ast.parse(source))
        for part in function.body[_body_start(function) :]
        for node in walk(part)
        if isinstance(node, ast.stmt)
    }


def is_idle(function: Function) -> bool:
    """True for a function that only returns None."""
    (*others, last) = function.body
    ends = isinstance(last, ast.Return) and (last.value is None or _is_none(last.value))
    return ends and all(isinstance(one, ast.Pass) or is_text(one) for one in others)


def _unparsed(tree: ast.AST) -> str:
    return ast.unparse(tree) + "\n"  # it reads no locations


def _with_first_statement(source: str, statement: str, spared: Collection[int]) -> str | None:
    tree, first = ast.parse(source), ast.parse(f"def f():\n    {statement}").body[0]
    assert isinstance(first, ast.FunctionDef)
    broken = 0
    for function in functions(tree):
        if function.lineno in spared or _is_stub(function):
            continue
        at = _body_start(function)
        function.body[at:at] = first.body  # shared: the tree is only written
        broken += 1
    return _unparsed(tree) if broken else None


def _body_start(function: Function) -> int:
    return int(ast.get_docstring(function, clean=False) is not None)


def _is_stub(function: Function) -> bool:
    """True for an overload, an abstract method or a protocol's member, whose body never matters."""
    if {"overload", "abstractmethod"} & set(map(own_name, function.decorator_list)):
        return True
    body = function.body[_body_start(function) :]
    return all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


class _Perturber(ast.NodeTransformer):
    """Wraps the values that functions return and yield."""

    def __init__(self, spared: Collection[int], name: str) -> None:
        self.spared, self.name = spared, name
        self.changed = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node if node.lineno in self.spared else self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return node if node.lineno in self.spared else self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        if node.value is not None and not _is_none(node.value):
            node.value = self._wrapped(node.value)
        return node

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        self.generic_visit(node)
        if node.value is not None and not _is_none(node.value):
            node.value = self._wrapped(node.value)
        return node

    def _wrapped(self, value: ast.expr) -> ast.expr:
        self.changed += 1
        return ast.Call(ast.Name(self.name, ast.Load()), [value], [])


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def rename_locals(function: Function, salt: int = 0) -> None:
    """Renames a function's purely local names in place; delicate functions keep theirs."""
    if not is_delicate(function):
        _rename_locals(function, salt)


def _rename_locals(function: Function, salt: int) -> None:
    taken = {node.id for node in walk(function) if isinstance(node, ast.Name)}
    renamed: dict[str, str] = {}
    for number, name in enumerate(sorted(local_names(function))):
        new = f"{['local', 'value', 'item'][salt % 3]}_{number}"
        if new not in taken and not keyword.iskeyword(name) and not name.startswith("__"):
            renamed[name] = new
    for node in _own_nodes(function):
        if isinstance(node, ast.Name) and node.id in renamed:
            node.id = renamed[node.id]


def local_names(function: Function) -> set[str]:
    """Names that only this function's own scope binds and reads."""
    fixed = _BUILTINS | {one.arg for one in parameters_of(function.args)}
    stored: set[str] = set()
    own = _own_nodes(function)
    for node in own:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            stored.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            fixed |= set(node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            fixed.add(node.name)
        elif isinstance(node, ast.alias):
            fixed.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.MatchMapping) and node.rest:
            fixed.add(node.rest)
    for inner in (node for node in own if isinstance(node, _SCOPES)):
        fixed |= {node.id for node in walk(inner) if isinstance(node, ast.Name)}
        if hasattr(inner, "name"):
            fixed.add(inner.name)
    return stored - fixed


_SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip
_BUILTINS = set(dir(builtins))
_DELICATE = {"locals", "vars", "eval", "exec", "dir", "currentframe", "_getframe", "stack", "globals"}


def _own_nodes(function: Function) -> list[ast.AST]:
    """Nodes of the function's own scope, without those of inner scopes."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, _SCOPES):
            waiting.extend(children(node))
    return found


def is_delicate(function: Function) -> bool:
    """True where the function inspects its own names or frames."""
    return any(own_name(node) in _DELICATE for node in walk(function))
