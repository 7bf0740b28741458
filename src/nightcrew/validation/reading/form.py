"""A module's tree without what has no effect: docstrings, annotations, imports for them, needless statements.

The remaining nodes keep their positions. Two texts with equal trees behave the same.
"""

import ast

from nightcrew.validation.reading.names import own_name
from nightcrew.validation.reading.suite import read, tree_of
from nightcrew.validation.tables import Table

TYPE_MAKERS = {"TypeVar", "TypeVarTuple", "ParamSpec", "NewType"}
_TRANSPARENT = Table("interfaces").words("decorators", "transparent")


def behaving(text: str) -> ast.Module | None:
    """The tree of the statements with an effect; None where the text is not Python."""
    try:
        tree = tree_of(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    described = {name for one in ast.walk(tree) for part in _annotations(one) for name in names_in(part)}
    stripped = _Stripped(reads_docs="__doc__" in text).visit(tree)
    used = {name for node in stripped.body if not _is_import(node) for name in names_in(node)}
    assert isinstance(stripped, ast.Module)
    _drop_imports(stripped, described - used)
    return stripped


def plain_statements(text: str) -> dict[str, set[int]]:
    """Every statement without a body, as its tree, with its lines; nothing where the text is not Python."""
    found: dict[str, set[int]] = {}
    for node in ast.walk(read(text)):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            span = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            found.setdefault(ast.dump(node), set()).update(span)
    return found


def names_in(tree: ast.AST) -> set[str]:
    """Every name that it reads or binds, also in quoted annotations."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            found |= set(node.value.replace("[", " ").replace("]", " ").replace(".", " ").split())
    return found


def imported(body: list[ast.stmt]) -> dict[tuple[str, ...], tuple[ast.Import | ast.ImportFrom, ast.alias]]:
    """What a block's own statements import, in any order and grouping."""
    found: dict[tuple[str, ...], tuple[ast.Import | ast.ImportFrom, ast.alias]] = {}
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = f"{'.' * node.level}{node.module}" if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                found[type(node).__name__, module, alias.name, alias.asname or ""] = (node, alias)
    return found


def is_declaration(node: ast.stmt) -> bool:
    """True for a statement without effect at run time: a type alias, a list of public names."""
    if isinstance(node, ast.TypeAlias):
        return True
    if isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        maker = node.value.func if isinstance(node.value, ast.Call) else None
        named = own_name(maker)
        return named in TYPE_MAKERS or all(getattr(one, "id", "") == "__all__" for one in targets)
    return False


# ---------------------------------------------------------------------------------------------------------


def _annotations(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.returns] if node.returns is not None else []
    annotation = getattr(node, "annotation", None)
    return [annotation] if isinstance(annotation, ast.expr) else []


def _may_be_read(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True where a decorator may act on the annotations of the parameters."""
    called = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return any(own_name(one) not in _TRANSPARENT for one in called)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _drop_imports(tree: ast.Module, names: set[str]) -> None:
    """Removes imports that only annotations need."""
    kept: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                continue
            node.names = [one for one in node.names if (one.asname or one.name).split(".")[0] not in names]
            if not node.names:
                continue
        kept.append(node)
    tree.body = kept


class _Stripped(ast.NodeTransformer):
    """Removes the nodes without effect."""

    def __init__(self, *, reads_docs: bool) -> None:
        self.reads_docs = reads_docs
        self.plain = True  # annotations here have no effect

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = self._block(node.body, documented=not self.reads_docs)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outer, self.plain = self.plain, not (node.bases or node.keywords or node.decorator_list)
        node.body = self._block(node.body)
        self.plain = outer
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST | None:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST | None:
        if any(own_name(one) == "overload" for one in node.decorator_list):
            return None
        for one in ast.walk(node.args) if not _may_be_read(node) else ():
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
        if own_name(node.test) == "TYPE_CHECKING":
            return self._block(node.orelse)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if own_name(node.func) == "cast" and len(node.args) == 2:
            return node.args[1]
        return node


def _listed(found: object) -> list[ast.stmt]:
    nodes = found if isinstance(found, list) else [found]
    return [one for one in nodes if isinstance(one, ast.stmt)]
