"""What an edit comes to, to find equal ones in several places, and the tree of a piece of text."""

import ast
import textwrap

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.reading.suite import copied, read, walk


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


class _Masked(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Name("_", ast.Load()) if node.value else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node  # no name can stand between its pieces
