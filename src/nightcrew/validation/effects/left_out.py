"""What the task's text names and the change leaves out: functions, and values in calls that it writes down.

Half a fix usually has tests for its half. What the text names beside it, no test of the change knows.
"""

import ast
import difflib
import re
from collections.abc import Iterable, Iterator

from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.names import own_name
from nightcrew.validation.reading.suite import all_functions, read, walk

_CALL = re.compile(r"(?<![\w.])[A-Za-z_][\w.]{0,80}\(")
_MOST_CALL = 200  # characters
_CODE = re.compile(r"``?([A-Za-z_][\w.]{0,80})(?:\(\))?``?|(?<!\w)([A-Za-z_][\w.]{0,80})\(\)")
_QUOTED = re.compile(r"""(?<!\w)(['"])([^'"\n]{1,60})\1(?!\w)""")


def left_out(text: str, changes: Iterable[Change], tests: Iterable[str], names: str) -> Iterator[str]:
    """What a task's text names, in words. `changes`: those of Python files; `tests`: the texts of all tests
    with the change; `names`: the text of base's product."""
    changed = [*changes]
    lines = "\n".join(_differing(changed))
    own = {name.rpartition(".")[2] for one in changed for name in all_functions(read(one.before))}
    marked = {(first or second).rpartition(".")[2] for first, second in _CODE.findall(text)}
    for name in sorted(marked & own):
        if not re.search(rf"\b{re.escape(name)}\b", lines):
            yield f"`{name}`"
    known = "\n".join([lines, *tests])
    held = {
        one.value for change in changed for one in walk(read(change.after)) if isinstance(one, ast.Constant)
    }
    for value in dict.fromkeys(_values(text, names)):
        if value not in known and value not in held:
            yield repr(value)


# ---------------------------------------------------------------------------------------------------------


def _differing(changes: Iterable[Change]) -> Iterator[str]:
    for one in changes:
        before, after = ((text or "").split("\n") for text in (one.before, one.after))
        yield from (line for line in difflib.unified_diff(before, after, n=0) if line[:1] in "+-")


def _values(text: str, names: str) -> Iterator[str]:
    """The texts that the calls of the task's text are given, and others in quotes beside such calls."""
    calls = [one for one in _calls(text) if re.search(rf"\b(?:def|class) {own_name(one.func)}\b", names)]
    given = [part for one in calls for part in walk(one) if isinstance(part, ast.Constant)]
    values = [one.value for one in given if isinstance(one.value, str) and one.value]
    yield from values
    if values:
        yield from (value for _, value in _QUOTED.findall(text) if not value.replace(".", "").isidentifier())


def _calls(text: str) -> Iterator[ast.Call]:
    """The calls that a text writes down."""
    for found in _CALL.finditer(text):
        depth = 0
        for at in range(found.end() - 1, min(len(text), found.end() + _MOST_CALL)):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            if depth == 0:
                body = read(text[found.start() : at + 1]).body
                inner = body[0].value if body and isinstance(body[0], ast.Expr) else None
                yield from [inner] if isinstance(inner, ast.Call) else []
                break
