"""Edits of a text, noted while its tree is read: faults, and parts of a change that are taken away again."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.reading.source_text import Node, SourceText

BACK, GONE, CONDITION, OPERAND, RETURNED = "as on base", "taken away", "unconditional", "without", "put back"
ALTERNATIVE = "without the alternative"
"""An operand more in a condition that base has: it decides otherwise than base did."""
WHOLE = "the whole file"
MESSAGE = "message"
"""Words that nobody but a reader acts on: said, and not tried."""


class Notes:
    """The edits found so far, and where in the new text the search is."""

    def __init__(self, new: SourceText) -> None:
        self.new = new
        self.found: list[Mutant] = []
        self.scope: list[str] = []
        self.depth = 0  # functions around us
        self.statement = 1
        self.last: ast.stmt | None = None  # of the function around us, where that is known

    def note(self, node: Node, text: str, kind: str) -> None:
        """The edit that puts `text` in a node's place."""
        self.edit(*self.new.span(node), text, kind)

    def edit(self, start: int, end: int, text: str, kind: str) -> None:
        """The edit that puts `text` in the place of a span."""
        before = self.new.text[start:end]
        if text != before:
            line = self.new.line_of(start)
            name = ".".join(self.scope) if self.depth else ""
            self.found.append(Mutant(start, end, text, before, line, self.statement, kind, name))

    @contextmanager
    def inside(self, name: str, *, function: bool, last: ast.stmt | None = None) -> Iterator[None]:
        """While the search is in a class or a function whose last statement is `last`."""
        outer, self.last = self.last, last
        self.scope.append(name)
        self.depth += function
        yield
        self.scope.pop()
        self.depth -= function
        self.last = outer
