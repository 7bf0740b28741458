"""What an edit comes to: equal edits in several places, a name or a function for what it stands for."""

import ast
import textwrap
from collections.abc import Iterable, Mapping

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.reading.names import is_text, names_of, own_name, parameters_of
from nightcrew.validation.reading.suite import all_functions, copied, read, tree_text, walk


def is_rewritten(part: Mutant, tree: ast.Module) -> bool:
    """True for an expression of the same value as the one that it replaces, by its form."""
    return is_named(part, tree) or is_extracted(part, tree) or is_same_text(part)


def is_named(part: Mutant, tree: ast.Module) -> bool:
    """True for a name in place of what the function assigns to it once, of values that stay the same."""
    function = all_functions(tree).get(part.function)
    known = [*walk(function)] if function is not None else []
    names = [one for one in known if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    stored = [one for one in names if one.id == part.before.strip()]
    given = [one for one in known if isinstance(one, ast.Assign) and one.targets == stored]
    if not given or given[0].lineno >= part.line:
        return False
    if _dumped_text(part.text) not in {
        tree_text(given[0].value),
        tree_text(_without_default(given[0].value)),
    }:
        return False
    lines = {one.lineno for one in names if one.id in names_of(given[0].value)}
    return not any(given[0].lineno <= line <= part.line for line in lines)


def is_extracted(part: Mutant, tree: ast.Module) -> bool:
    """True for the call of a function that only gives the expression which stood there, of equal values."""
    call, former = _expression(part.before), _dumped_text(part.text)
    if not isinstance(call, ast.Call) or call.keywords or not former:
        return False
    found = [
        one for name, one in all_functions(tree).items() if name.rpartition(".")[2] == own_name(call.func)
    ]
    body = [one for node in found[:1] for one in node.body if not is_text(one)]
    value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
    plain = all(isinstance(one, ast.Name | ast.Attribute | ast.Constant) for one in call.args)
    if value is None or not plain or len(found) != 1 or found[0].decorator_list:
        return False
    names = [one.arg for one in parameters_of(found[0].args)]
    given = [call.func.value, *call.args] if isinstance(call.func, ast.Attribute) else call.args
    if len(names) != len(given) or names[:1] == ["cls"]:
        return False
    known = dict(zip(names, given, strict=True))
    return tree_text(_Given(known).visit(copied(value))) == former


def is_same_text(part: Mutant) -> bool:
    """True for a text put together in another way from the same pieces: `f"?{x}"` for `"?" + x`, which
    takes only a text."""
    pieces = [
        _pieces(node) if node is not None else [] for node in map(_expression, (part.before, part.text))
    ]
    return pieces[0] == pieces[1] and any(one.startswith("'") for one in pieces[0])


def edit_of(part: Mutant) -> tuple[str, str]:
    """Both texts of an edit, with a mark in place of each value that both have: `x == "a"` for `x in "a"`
    and `x == "b"` for `x in "b"` are one edit."""
    trees = [read(text.strip()) for text in (part.before, part.text)]
    if not all(one.body for one in trees):
        return part.before, part.text
    values = [[repr(one.value) for one in walk(tree) if isinstance(one, ast.Constant)] for tree in trees]
    if sorted(values[0]) != sorted(values[1]):
        return part.before, part.text
    before, text = (ast.unparse(_Masked().visit(copied(one))) for one in trees)
    return (before, text) if before != text else (part.before, part.text)


def tree_in(text: str) -> ast.Module:
    """The text's tree; its first line may stand without the indentation that the others have."""
    indents = [len(line) - len(line.lstrip()) for line in text.splitlines()[1:] if line.strip()]
    texts = [text, *(" " * (least - less) + text for least in [min(indents, default=0)] for less in (0, 4))]
    trees = (read(textwrap.dedent(one).strip()) for one in texts)
    return next((one for one in trees if one.body), ast.Module([], []))


# ---------------------------------------------------------------------------------------------------------


def _without_default(node: ast.expr) -> ast.expr:
    """`getattr(x, "y")` for `getattr(x, "y", None)`: base asked for what is there."""
    match node:
        case ast.Call(ast.Name("getattr") as function, [held, name, _], []):
            return ast.Call(function, [held, name], [])
    return node


def _pieces(node: ast.expr) -> list[str]:
    """The pieces of a text, its own ones quoted and joined; empty for what is put together in another way."""
    match node:
        case ast.Constant(str() as text):
            found = [repr(text)]
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
            found = [tree_text(value)]
        case ast.JoinedStr(values=values):
            found = _joined(values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            found = _joined([left, right])
        case ast.Call(ast.Attribute(ast.Constant(str() as text), "format"), args, []) if "{" in text:
            texts = text.split("{}")
            plain = len(texts) == len(args) + 1 and not any("{" in one or "}" in one for one in texts)
            held = [
                one for both in zip(map(ast.Constant, texts), [*args, None], strict=False) for one in both
            ]
            found = _joined([one for one in held if one is not None]) if plain else []
        case ast.FormattedValue():
            found = []
        case _:
            found = [tree_text(node)]
    return found


def _joined(nodes: Iterable[ast.expr]) -> list[str]:
    """The pieces of all of them in order, with neighbouring texts as one; empty where one has none."""
    found: list[str] = []
    for pieces in map(_pieces, nodes):
        for one in pieces:
            if one.startswith("'") and found and found[-1].startswith("'"):
                found[-1] = repr(ast.literal_eval(found[-1]) + ast.literal_eval(one))
            elif one != "''":
                found.append(one)
        if not pieces:
            return []
    return found


class _Given(ast.NodeTransformer):
    """Puts what is given in the place of parameters."""

    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.known.get(node.id, node)


class _Masked(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Name("_", ast.Load()) if node.value else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node  # no name can stand between its pieces


def _expression(text: str) -> ast.expr | None:
    body = read(f"({text.strip()})").body
    return body[0].value if body and isinstance(body[0], ast.Expr) else None


def _dumped_text(text: str) -> str:
    """The tree of an expression's text."""
    node = _expression(text)
    return tree_text(node) if node is not None else ""
