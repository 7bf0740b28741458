"""Places that base has twice, of which a fix rewrites one: the fault may be at the other, too."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.suite import Function, all_functions, copied, read, tree_text, walk

_LEAST = 14  # expressions and statements: shorter pieces of code are alike by chance
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Twin(NamedTuple):
    """Code at `path`, `line` of the new text, in `function`, which is as that was which the fix rewrites."""

    path: str
    line: int
    function: str
    text: str


def twins(changes: Iterable[Change]) -> Iterator[Twin]:
    """The first such place for each rewritten function of these files."""
    both = [(one, _functions(one.before), _functions(one.after)) for one in changes]
    left: dict[str, Twin] = {}
    for change, old, new in both:
        for name in (one for one in old.keys() & new.keys() if tree_text(old[one]) == tree_text(new[one])):
            for node in _statements(new[name]):
                left.setdefault(_form(node), Twin(change.path, node.lineno, name, ast.unparse(node)))
    for _, old, new in both:
        for name in sorted(old.keys() & new.keys()):
            kept = Counter(map(_form, _statements(new[name])))
            gone = Counter(map(_form, _statements(old[name]))) - kept
            yield from [left[one] for one in gone if one in left][:1]


# ---------------------------------------------------------------------------------------------------------


def _functions(text: str | None) -> dict[str, Function]:
    return all_functions(read(text))


def _statements(function: Function) -> list[ast.stmt]:
    inner = (one for one in walk(function) if isinstance(one, ast.stmt) and one is not function)
    return [one for one in inner if not isinstance(one, _DEFINITIONS) and _size(one) >= _LEAST]


def _size(node: ast.stmt) -> int:
    return sum(isinstance(one, ast.expr | ast.stmt) for one in walk(node))


def _form(node: ast.stmt) -> str:
    """The statement without its names and values."""
    plain = copied(node)
    for one in walk(plain):
        if isinstance(one, ast.Name):
            one.id = "_"
        elif isinstance(one, ast.Constant):
            one.value = type(one.value).__name__
    return tree_text(plain)
