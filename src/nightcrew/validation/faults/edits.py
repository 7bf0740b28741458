"""What an edit comes to: equal edits in several places, and a name for what it stands for."""

import ast

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.reading.names import names_of
from nightcrew.validation.reading.suite import all_functions, copied, read, tree_text, walk


def is_named(part: Mutant, tree: ast.Module) -> bool:
    """True for a name in place of what the function assigns to it once, of values that stay the same."""
    function = all_functions(tree).get(part.function)
    known = [*walk(function)] if function is not None else []
    names = [one for one in known if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    stored = [one for one in names if one.id == part.before.strip()]
    given = [one for one in known if isinstance(one, ast.Assign) and one.targets == stored]
    if not given or given[0].lineno >= part.line or tree_text(given[0].value) != _dumped_text(part.text):
        return False
    lines = {one.lineno for one in names if one.id in names_of(given[0].value)}
    return not any(given[0].lineno <= line <= part.line for line in lines)


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


# ---------------------------------------------------------------------------------------------------------


class _Masked(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Name("_", ast.Load()) if node.value else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node  # no name can stand between its pieces


def _dumped_text(text: str) -> str:
    """The tree of an expression's text."""
    body = read(f"({text.strip()})").body
    return tree_text(body[0].value) if body and isinstance(body[0], ast.Expr) else ""
