"""Statements and branches of a change that base has in the same function: for one more case, or moved.

They do nothing that the function did not do, so no test has to miss each of them.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.reading.names import names_of
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import all_functions, copied, read, tree_text, walk

type Block = list[ast.stmt]


@dataclass(frozen=True)
class Copies:
    """The trees of one file before and after, and the new text."""

    before: ast.Module
    after: ast.Module
    text: SourceText

    def is_copied(self, part: Mutant, noticed: list[Mutant]) -> bool:
        """True for a statement that base's function has elsewhere, where tests notice another one of its
        block. A statement that its block has twice is not copied but doubled."""
        place = self._places.get((part.start, part.end))
        if place is None or tree_text(place[0]) not in self._known(part.function):
            return False
        node, block = place
        twice = sum(tree_text(one) == tree_text(node) for one in block) > 1
        beside = [self.text.span(one) for one in block if one is not node]
        return not twice and any(
            start <= one.start and one.end <= end for one in noticed for start, end in beside
        )

    def is_moved(self, part: Mutant) -> bool:
        """True for the condition of a branch that base's function has too, and as often."""
        span = part.start, part.end
        own = [one for one in _ifs(self.after, part.function) if self.text.span(one.test) == span]
        bodies = {_dumped(one.body) for one in own}
        counts = [
            sum(_dumped(one.body) in bodies for one in _ifs(tree, part.function))
            for tree in (self.before, self.after)
        ]
        return bool(own) and counts[0] >= counts[1]

    def is_named(self, part: Mutant) -> bool:
        """True for a name in place of what the function assigns to it once, of values that stay the same."""
        function = all_functions(self.after).get(part.function)
        known = [*walk(function)] if function is not None else []
        names = [one for one in known if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
        stored = [one for one in names if one.id == part.before.strip()]
        given = [one for one in known if isinstance(one, ast.Assign) and one.targets == stored]
        if not given or given[0].lineno >= part.line or tree_text(given[0].value) != _dumped_text(part.text):
            return False
        lines = {one.lineno for one in names if one.id in names_of(given[0].value)}
        return not any(given[0].lineno <= line <= part.line for line in lines)

    @cached_property
    def _places(self) -> dict[tuple[int, int], tuple[ast.stmt, Block]]:
        """Statements inside of blocks of functions, with their block."""
        return {
            self.text.span(node): (node, block)
            for outer in walk(self.after)
            if not isinstance(outer, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            for block in _blocks(outer)
            for node in block
        }

    def _known(self, function: str) -> Counter[str]:
        node = all_functions(self.before).get(function)
        statements = walk(node) if node is not None else ()
        return Counter(tree_text(one) for one in statements if isinstance(one, ast.stmt))


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


def _blocks(node: ast.AST) -> Iterator[Block]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and all(isinstance(one, ast.stmt) for one in block):
            yield block


def _ifs(tree: ast.Module, function: str) -> list[ast.If]:
    node = all_functions(tree).get(function)
    return [one for one in walk(node) if isinstance(one, ast.If)] if node is not None else []


def _dumped_text(text: str) -> str:
    """The tree of an expression's text."""
    body = read(f"({text.strip()})").body
    return tree_text(body[0].value) if body and isinstance(body[0], ast.Expr) else ""


def _dumped(block: Block) -> str:
    return "\n".join(map(tree_text, block))
