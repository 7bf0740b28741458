"""A module's tree without what has no effect: docstrings, annotations, imports for them, needless statements.

The remaining nodes keep their positions. Two texts with equal trees behave the same.
"""

import ast
import copy
from functools import lru_cache
from typing import NamedTuple

from nightcrew.validation.reading.names import ASKING, is_plain_class, of_typing, own_name, plain_classes
from nightcrew.validation.reading.suite import Function, read, tree_of, tree_text, walk, words_of
from nightcrew.validation.tables import Table

TYPE_VARIABLES = {"TypeVar", "TypeVarTuple", "ParamSpec"}
TYPE_MAKERS = TYPE_VARIABLES | {"NewType"}
_UNREAD = {"__all__", "__cmp__", "__div__", "__idiv__", "__nonzero__", "__rdiv__", "__unicode__"}
"""Names that no import statement of this module and no Python of today looks up."""
_IMPORTS = (ast.Import, ast.ImportFrom)
_DOING = (ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom)
_MOST_PAIRS = 32  # of texts whose bodies are kept: several gates ask for the same
_TABLE = Table("interfaces")
_TRANSPARENT = _TABLE.words("decorators", "transparent")
_SILENT, _LOGGERS, _READING, _USING_UP = (
    _TABLE.words("library", key) for key in ("silent", "loggers", "reading", "using_up")
)


def behaving(text: str) -> ast.Module | None:
    """The tree of the statements with an effect; None where the text is not Python."""
    try:
        tree = tree_of(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    described = {name for one in walk(tree) for part in _annotations(one) for name in names_in(part)}
    # A program that reads `__doc__`, as those that make their help text of it do, needs its docstrings.
    plain = plain_classes(tree)
    stripped = _Stripped(reads_docs="__doc__" in text, typing=of_typing(tree), plain=plain).visit(tree)
    assert isinstance(stripped, ast.Module)
    _drop_aliases(stripped, described)
    # An unused import stays, as it may run something; one that only annotations needed goes with them.
    used = {name for node in stripped.body if not isinstance(node, _IMPORTS) for name in names_in(node)}
    _drop_imports(stripped, described - used)
    return stripped


class Body(NamedTuple):
    """A function in the old and in the new text, without what has no effect."""

    old: Function
    new: Function
    is_edited: bool


@lru_cache(maxsize=_MOST_PAIRS)
def bodies(before: str | None, after: str | None) -> tuple[Body, ...] | None:
    """The outermost functions of both texts, where their bodies alone make up the difference.

    None where anything else differs: parameters, methods, what an import runs. Code that enters none of these
    functions runs as before. A name that the old text does not know at all changes nothing for it.
    All callers share the nodes, so none may change them.
    """
    old, new = behaving(before or ""), behaving(after or "")
    if before is None or after is None or old is None or new is None:
        return None
    words = words_of(old)
    new.body = [node for node in new.body if not _is_of_new_name(node, words)]
    first, second = _Outline(), _Outline()
    if tree_text(first.visit(old)) != tree_text(second.visit(new)):
        return None
    pairs = zip(first.found, second.found, strict=True)
    return tuple(Body(node, new_node, body != other) for (node, body), (new_node, other) in pairs)


def plain_statements(text: str) -> dict[str, set[int]]:
    """Every statement without a body, as its tree, with its lines; nothing where the text is not Python."""
    found: dict[str, set[int]] = {}
    for node in walk(read(text)):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            span = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            found.setdefault(tree_text(node), set()).update(span)
    return found


def names_in(tree: ast.AST) -> set[str]:
    """Every name that it reads or binds, also in quoted annotations."""
    found: set[str] = set()
    for node in walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            found |= set(node.value.replace("[", " ").replace("]", " ").replace(".", " ").split())
    return found


def is_declaration(node: ast.stmt) -> bool:
    """True for a statement without effect at run time: a type alias, a list of public names, an alias that
    only Python 2 looks up."""
    if isinstance(node, ast.TypeAlias):
        return True
    if isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        maker = node.value if isinstance(node.value, ast.Call) else None
        if any(isinstance(one, ast.Call) and one is not maker for one in walk(node.value)):
            return False  # what is called there may do anything
        if maker is not None:
            return own_name(maker.func) in TYPE_MAKERS
        return all(getattr(one, "id", "") in _UNREAD for one in targets)
    return False


def is_silent_statement(node: ast.stmt) -> bool:
    """True for a call that only logs or warns, also under a condition that does nothing. What is printed is
    output of the program."""
    if isinstance(node, ast.If):
        return _only_asks([*walk(node.test)]) and all(map(is_silent_statement, node.body + node.orelse))
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not is_silent(call) or own_name(call.func) == "print":
        return False
    inner = [one for word in [*call.args, *call.keywords] for one in walk(word)]
    calls = [one for one in inner if isinstance(one, ast.Call)]
    used_up = (arg for one in calls if own_name(one.func) in _USING_UP for arg in one.args)
    # `log.info(list(rows))` leaves nothing of an iterator for the code that follows.
    return _only_asks(inner) and not any(isinstance(arg, ast.Name) for arg in used_up)


def is_silent(node: ast.expr) -> bool:
    """True for a call that only logs or prints."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func
    if isinstance(name, ast.Name):
        return name.id == "print"
    owner = own_name(getattr(name, "value", None))
    return isinstance(name, ast.Attribute) and name.attr in _SILENT and owner in _LOGGERS


def branches(node: ast.If) -> tuple[list[ast.If], list[ast.stmt]]:
    """The branches of an `if`, each without those that follow it, and what is done where none is taken."""
    alone = copy.copy(node)  # the tree stays as it is: its other parts are compared later
    end = node.body[-1] if node.body else node.test
    alone.orelse, alone.end_lineno, alone.end_col_offset = [], end.end_lineno, end.end_col_offset
    rest = node.orelse[0] if len(node.orelse) == 1 else None
    further, otherwise = branches(rest) if isinstance(rest, ast.If) else ([], node.orelse)
    return [alone, *further], otherwise


# ---------------------------------------------------------------------------------------------------------


def _only_asks(nodes: list[ast.AST]) -> bool:
    """True for expressions that change nothing."""
    called = {own_name(one.func) for one in nodes if isinstance(one, ast.Call)}
    return called <= _READING | ASKING and not any(isinstance(one, _DOING) for one in nodes)


def _annotations(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.returns] if node.returns is not None else []
    annotation = getattr(node, "annotation", None)
    return [annotation] if isinstance(annotation, ast.expr) else []


def _may_be_read(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True where a decorator may act on the annotations of the parameters."""
    called = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return any(own_name(one) not in _TRANSPARENT for one in called)


def _drop_aliases(tree: ast.Module, described: set[str]) -> None:
    """Removes a module's own values that only annotations need, and adds the names that these need."""
    for node in reversed(tree.body):  # one may be made of those before it
        bound = {getattr(one, "id", "") for one in getattr(node, "targets", ())}
        if bound and bound <= described and _only_asks([*walk(node)]):
            others = [one for one in tree.body if one is not node]
            if not any(bound & names_in(one) for one in others if not isinstance(one, _IMPORTS)):
                tree.body = others
                described |= names_in(node)


def _drop_imports(tree: ast.Module, names: set[str]) -> None:
    """Removes imports that only annotations need."""
    kept: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            # The only feature that a current Python does not have anyway is about annotations.
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                continue
            node.names = [one for one in node.names if (one.asname or one.name).split(".")[0] not in names]
            if not node.names:
                continue
        kept.append(node)
    tree.body = kept


def _is_of_new_name(node: ast.stmt, words: frozenset[str]) -> bool:
    """True for a function, an import or a constant of whose name a text knows nothing."""
    names: list[str] = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
        names = [node.name]
    elif isinstance(node, ast.Import | ast.ImportFrom):
        names = [(one.asname or one.name).split(".")[0] for one in node.names]
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
        names = [getattr(one, "id", "*") for one in node.targets]
    # `*` binds names that the text does not show, and Python itself reads names such as `__getattr__`.
    return bool(names) and not any(one in words or one == "*" or one.startswith("__") for one in names)


class _Outline(ast.NodeTransformer):
    """Takes the bodies out of functions; `found` holds each outermost function with its body's text."""

    def __init__(self) -> None:
        self.found: list[tuple[Function, str]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._without_body(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._without_body(node)

    def _without_body(self, node: Function) -> Function:
        self.found.append((node, "".join(map(tree_text, node.body))))
        head = copy.copy(node)
        head.body = []
        return head


class _Stripped(ast.NodeTransformer):
    """Removes the nodes without effect."""

    def __init__(self, *, reads_docs: bool, typing: set[str], plain: set[str]) -> None:
        self.reads_docs, self.typing, self.plain_classes = reads_docs, typing, plain
        self.plain = True  # annotations here have no effect

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = self._block(node.body, documented=not self.reads_docs)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        # Dataclasses and pydantic models make fields of annotations; a plain class does nothing with them.
        outer, self.plain = self.plain, is_plain_class(node, self.plain_classes)
        node.body = self._block(node.body)
        self.plain = outer
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST | None:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST | None:
        if any(self._is_typing(one, "overload") for one in node.decorator_list):
            return None
        for one in walk(node.args) if not _may_be_read(node) else ():
            if isinstance(one, ast.arg):
                one.annotation = one.type_comment = None
        node.returns = node.type_comment = None
        outer, self.plain = self.plain, True
        node.body = self._block(node.body)
        self.plain = outer
        return node

    def _block(self, body: list[ast.stmt], *, documented: bool = True) -> list[ast.stmt]:
        first = body[0] if body else None
        if documented and isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            body = body[1:]
        return [node for one in body for node in _listed(self.visit(one)) if not isinstance(node, ast.Pass)]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if not self.plain:
            return node
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        if self._is_typing(node.test, "TYPE_CHECKING"):
            return self._block(node.orelse)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[1] if self._is_typing(node.func, "cast") and len(node.args) == 2 else node

    def _is_typing(self, node: ast.expr, name: str) -> bool:
        """True for that name of `typing`, and not for another function or value that is called the same."""
        return own_name(node) == name and ast.unparse(node) in self.typing


def _listed(found: object) -> list[ast.stmt]:
    nodes = found if isinstance(found, list) else [found]
    return [one for one in nodes if isinstance(one, ast.stmt)]
