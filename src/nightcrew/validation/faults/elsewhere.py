"""Code that the judge's interpreter does not reach: for another Python or platform, or a missing module."""

import ast
from functools import cached_property

from nightcrew.validation.reading.constants import values_in
from nightcrew.validation.reading.names import ELSEWHERE
from nightcrew.validation.reading.source_text import Node, SourceText

_OF_PYTHON = {"sys", "os", "platform"}
_MISSING = {"ImportError", "ModuleNotFoundError"}
type Span = tuple[int, int]
"""Start and end in a text, in characters."""


class Elsewhere:
    """The places of such code in one file."""

    def __init__(self, tree: ast.Module, text: SourceText) -> None:
        self.tree, self.text = tree, text

    @cached_property
    def _asking(self) -> list[ast.If | ast.IfExp]:
        """Conditions on the Python version or the platform, also through a module-level name for one."""
        names = {
            target.id
            for one in ast.walk(self.tree)
            if isinstance(one, ast.Assign) and ELSEWHERE.search(ast.unparse(one.value))
            for target in one.targets
            if isinstance(target, ast.Name)
        }
        return [
            one
            for one in ast.walk(self.tree)
            if isinstance(one, ast.If | ast.IfExp) and self._asks(one.test, names)
        ]

    @classmethod
    def _asks(cls, test: ast.expr, names: set[str]) -> bool:
        """True where only the version or platform decides, without any value in a combined condition."""
        if isinstance(test, ast.UnaryOp):
            return cls._asks(test.operand, names)
        if isinstance(test, ast.BoolOp):
            others = [one for one in test.values if not cls._asks(one, names)]
            decides = any(values_in(ast.unparse(one)) for one in others)
            return not others or (
                isinstance(test.op, ast.And) and len(others) < len(test.values) and not decides
            )
        named = {one.id for one in ast.walk(test) if isinstance(one, ast.Name)}
        asks = bool(named & names) or ELSEWHERE.search(ast.unparse(test)) is not None
        plain = isinstance(test, ast.Attribute)  # true on every platform
        return asks and not plain and named <= names | _OF_PYTHON

    @cached_property
    def conditions(self) -> list[Span]:
        """Conditions that ask where the code runs."""
        return [self.text.span(one.test) for one in self._asking]

    @cached_property
    def branches(self) -> list[Span]:
        """What runs under such a condition, and the fallbacks."""
        found: list[list[ast.stmt] | list[ast.expr]] = []
        for one in self._asking:
            both = [one.body, one.orelse] if isinstance(one, ast.If) else [[one.body], [one.orelse]]
            found += [nodes for nodes in both if nodes]
        return [*map(self._run, found), *self.fallbacks]

    @cached_property
    def fallbacks(self) -> list[Span]:
        """Statements that run where an import fails, or where the file is run as a program."""
        handlers = (one for one in ast.walk(self.tree) if isinstance(one, ast.ExceptHandler))
        missing = [one.body for one in handlers if one.type is not None and _names(one.type) & _MISSING]
        mains = [
            one.body for one in self.tree.body if isinstance(one, ast.If) and "__main__" in ast.dump(one.test)
        ]
        return [self._run(one) for one in [*missing, *mains]]

    def _run(self, nodes: list[ast.stmt] | list[ast.expr]) -> Span:
        spans: list[Node] = [*nodes]
        return self.text.span(spans[0])[0], self.text.span(spans[-1])[1]


# ---------------------------------------------------------------------------------------------------------


def _names(node: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
