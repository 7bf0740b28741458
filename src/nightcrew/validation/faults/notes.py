"""Edits of a text, noted while its tree is read: faults, and parts of a change that are taken away again."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.reading.source_text import Node, SourceText
from nightcrew.validation.reading.suite import parse

BACK, GONE, CONDITION, OPERAND, RETURNED = "as on base", "taken away", "unconditional", "without", "put back"
FILTER = "without the filter"
"""A condition of a comprehension: without it, entries that it leaves out stay."""
ALTERNATIVE = "without the alternative"
"""A further operand of a condition, argument of a call or entry of a list that base has: it changes what base
does there."""
TOGETHER = "as on base as a whole"
"""Several parts at once: each may need the others, and all of them be needless."""
UNHANDLED = "without the handler"
EVERY_ERROR = "every error"
"""A handler that hides errors of all causes: no test shows them all, so it is not tried and never noticed."""
UNUSED = "without effect"
"""A parameter that base's function gets and that nothing in it reads: a test that passes it shows nothing."""
BY_READING = {EVERY_ERROR, UNUSED}
WHOLE = "the whole file"
MESSAGE = "message"
"""Text that only a reader acts on: it is reported, and not tried."""
FOR_READERS = {"help", "epilog", "metavar"}
"""Arguments of calls whose text a program shows to those who ask for help, and does nothing with."""


class Notes:
    """The edits found so far, and where in the new text the search is."""

    def __init__(self, new: SourceText) -> None:
        self.new = new
        self.found: list[Mutant] = []
        self.scope: list[str] = []
        self.depth = 0  # functions around this position
        self.statement = 1
        self.last: ast.stmt | None = None  # of the function around this position, where it is known

    def note(self, node: Node, text: str, kind: str) -> None:
        """Notes the edit that replaces a node by `text`."""
        # What stood in parentheses on several lines is no expression without them.
        is_open = isinstance(node, ast.expr) and "\n" in text and parse(text.strip()) is None
        self.edit(*self.new.span(node), f"({text})" if is_open else text, kind)

    def edit(self, start: int, end: int, text: str, kind: str) -> None:
        """Notes the edit that replaces a span by `text`."""
        before = self.new.text[start:end]
        if text != before:
            line = self.new.line_of(start)
            name = ".".join(self.scope) if self.depth else ""
            self.found.append(Mutant(start, end, text, before, line, self.statement, kind, name))

    @contextmanager
    def inside(self, name: str, *, function: bool, last: ast.stmt | None = None) -> Iterator[None]:
        """A context for the search inside a class or a function whose last statement is `last`."""
        outer, self.last = self.last, last
        self.scope.append(name)
        self.depth += function
        yield
        self.scope.pop()
        self.depth -= function
        self.last = outer
