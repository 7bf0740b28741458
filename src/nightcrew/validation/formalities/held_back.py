"""What base does without asking, and the change only under a condition."""

import ast
from collections.abc import Iterator

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import all_functions, read, tree_text, walk

_ENDING = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def holds_back(part: Mutant, before: str, text: SourceText) -> bool:
    """True for a condition under which the function has a statement that base's function has outside of any,
    where what may end base's before it asks for something else. `before` and `text` are the file's texts."""
    found = (one for one in walk(read(text.text)) if isinstance(one, ast.If))
    held = next((one for one in found if text.span(one.test) == (part.start, part.end)), None)
    base = all_functions(read(before)).get(part.function)
    if held is None or base is None:
        return False
    body, asked = {tree_text(one) for one in held.body}, _plain(held.test)
    return any(tree_text(node) in body and asked not in guards for node, guards in _open(base.body, set()))


# ---------------------------------------------------------------------------------------------------------


def _open(body: list[ast.stmt], guards: set[str]) -> Iterator[tuple[ast.stmt, frozenset[str]]]:
    """The statements outside of conditions and loops, each with the conditions that may have ended the
    function before it."""
    for node in body:
        if isinstance(node, ast.With | ast.Try):
            yield from _open(node.body, guards)
            yield from _open(getattr(node, "finalbody", []), guards)
        elif isinstance(node, ast.If):
            if any(isinstance(one, _ENDING) for one in walk(node)):
                guards.add(_plain(node.test))
        elif not isinstance(node, ast.For | ast.While | ast.Match):
            yield node, frozenset(guards)


def _plain(test: ast.expr) -> str:
    """A condition, whether it is negated or not."""
    return _plain(test.operand) if isinstance(test, ast.UnaryOp) else tree_text(test)
