"""Positions in a Python text: the tree counts bytes in lines, edits count characters from the start."""

import ast
from bisect import bisect_right

from nightcrew.validation.reading.suite import walk

type Node = ast.expr | ast.stmt | ast.keyword | ast.arg | ast.excepthandler | ast.pattern


class SourceText:
    """A file's text with the spans of its nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def offset(self, line: int, column: int) -> int:
        """Characters from the start to a line, counted from 1, and a column in bytes."""
        text = self.lines[line - 1]
        if not text.isascii():
            column = len(text.encode("utf-8", "surrogateescape")[:column].decode("utf-8", "surrogateescape"))
        return self.starts[line - 1] + column

    def span(self, node: Node) -> tuple[int, int]:
        """Where a node begins and ends, without the decorators of a definition."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def of(self, node: Node) -> str:
        """A node's source text."""
        start, end = self.span(node)
        return self.text[start:end]

    def whole(self, node: ast.stmt) -> tuple[int, int]:
        """The span of a statement with its decorators."""
        start, end = self.span(node)
        decorators = getattr(node, "decorator_list", [])
        if decorators:
            start = self.text.rindex("@", 0, self.span(decorators[0])[0])
        return start, end

    def run(self, body: list[ast.stmt]) -> tuple[int, int]:
        """The span from the first statement's start to the last one's end."""
        return self.whole(body[0])[0], self.whole(body[-1])[1]

    def block(self, body: list[ast.stmt], indent: int) -> str:
        """The text of consecutive statements, with every line after the first indented by `indent`; an `elif`
        becomes the `if` that it stands for."""
        start, end = self.run(body)
        lines = self.text[start:end].split("\n")
        lines[0] = lines[0].removeprefix("el") if isinstance(body[0], ast.If) else lines[0]
        own = start - self.starts[self.line_of(start) - 1]
        shift = indent - own
        moved = [line if not line.strip() else _shifted(line, shift) for line in lines[1:]]
        return "\n".join([lines[0], *moved])

    def line_of(self, offset: int) -> int:
        """The line (from 1) of an offset."""
        return bisect_right(self.starts, offset)

    def header(self, node: ast.stmt) -> tuple[int, int] | None:
        """The span from `def` or `class` to the colon before its body; None where comments stand between."""
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return None
        start = self.span(node)[0]
        if not node.body:  # a docstring alone, which the trees here leave out
            own = [one for one in walk(node) if isinstance(one, ast.expr | ast.arg)]
            inside = [self.span(one)[1] for one in own if one not in node.decorator_list]
            colon = self.text.find(":", max(inside, default=start))
            return None if colon < 0 else (start, colon + 1)
        end = self.whole(node.body[0])[0]
        colon = self.text.rstrip().rfind(":", start, end)
        between = self.text[colon + 1 : end]
        return None if colon < 0 or between.strip() else (start, colon + 1)


def _shifted(line: str, shift: int) -> str:
    return " " * shift + line if shift >= 0 else line[min(-shift, len(line) - len(line.lstrip())) :]
