"""Operands of `and` that need no test of their own: a length that an index beside it needs, and in a feature
what leaves base's result in more cases.

`len(x) >= 3 and x[-3] == y` asks for the length that the index needs, no more and no less. A condition for
new behaviour is narrower with each operand, and where it does not hold, base's behaviour stays.
"""

import ast
from collections.abc import Collection, Iterator
from functools import cached_property

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import ALTERNATIVE, OPERAND
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import read, tree_text, walk

_LEAST = {ast.GtE: 0, ast.Gt: 1}  # what is added to the number to have the least length


class Conjunctions:
    """The `and` expressions of one file."""

    def __init__(self, tree: ast.Module, text: SourceText) -> None:
        self.tree, self.text = tree, text

    def fits_an_index(self, part: Mutant) -> bool:
        """True for the edit of a length, or for leaving it out, where an index beside it needs just that."""
        for node in self._nodes:
            for one in node.values:
                if not _fits(one, node):
                    continue
                start, end = self.text.span(one)
                if start <= part.start and part.end <= end:
                    return True
                rest = [ast.unparse(other) for other in node.values if other is not one]
                whole = (part.start, part.end) == self.text.span(node)
                if whole and part.operator == OPERAND and _same(part.text, " and ".join(rest)):
                    return True
        return False

    def only_narrows(self, part: Mutant, noticed: Collection[Mutant]) -> bool:
        """True for an operand of a condition for new behaviour, where tests notice this behaviour. Only for a
        function of base: in a new one, nothing of base's stays where the condition does not hold."""
        span = part.start, part.end
        own = next((one for one in self._nodes if self.text.span(one) == span), None)
        if part.operator != OPERAND or own is None:
            return False
        wider: list[ast.BoolOp] = [own]
        while isinstance(outer := self._parents.get(wider[-1]), ast.BoolOp):
            wider.append(outer)
        spans, top = {self.text.span(one) for one in wider}, self.text.span(wider[-1])
        is_test = isinstance(outer, ast.If) and self.text.span(outer.test) == top
        return any(
            (one.text == "(False)" and is_test and (one.start, one.end) == top)
            or (
                one.operator in (ALTERNATIVE, OPERAND)
                and (one.start, one.end) in spans - {span}
                and ast.unparse(own) not in one.text
            )
            for one in noticed
        )

    @cached_property
    def _nodes(self) -> list[ast.BoolOp]:
        found = (one for one in walk(self.tree) if isinstance(one, ast.BoolOp))
        return [one for one in found if isinstance(one.op, ast.And)]

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {inner: one for one in walk(self.tree) for inner in ast.iter_child_nodes(one)}


def is_conjunction(text: str) -> bool:
    """True for the text of an `and`."""
    node = next(iter(read(text.strip()).body), None)
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.BoolOp) and isinstance(value.op, ast.And)


# ---------------------------------------------------------------------------------------------------------


def _fits(test: ast.expr, node: ast.BoolOp) -> bool:
    """True for `len(x) >= n` where the largest index into `x` in the condition needs n items."""
    match test:
        case ast.Compare(
            left=ast.Call(func=ast.Name("len"), args=[asked]),
            ops=[order],
            comparators=[ast.Constant(int() as size)],
        ) if type(order) in _LEAST:
            needs = max(_needs(node, tree_text(asked)), default=0)
            return needs > 0 and needs == size + _LEAST[type(order)]
    return False


def _needs(node: ast.AST, asked: str) -> Iterator[int]:
    """The number of items that each index into a value needs."""
    for one in walk(node):
        if isinstance(one, ast.Subscript) and tree_text(one.value) == asked:
            match one.slice:
                case ast.Constant(int() as place):
                    yield place + 1
                case ast.UnaryOp(ast.USub(), ast.Constant(int() as place)):
                    yield place


def _same(text: str, other: str) -> bool:
    """True for equal expressions, in whatever parentheses."""
    try:
        return tree_text(ast.parse(text.strip(), mode="eval")) == tree_text(ast.parse(other, mode="eval"))
    except SyntaxError:
        return False
