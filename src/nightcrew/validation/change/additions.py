"""Whether an edited test file only gains tests: then its old tests are what they were."""

import ast
from collections.abc import Callable

from nightcrew.validation.reading.suite import is_around, parse, words_of


def only_adds(before: str | None, after: str | None) -> bool:
    """True where every statement of base's text is still there, in its order, and none of the others can
    reach it: they define or import names that base's text does not have."""
    old, new = parse(before or ""), parse(after or "")
    if before is None or after is None or old is None or new is None:
        return False
    known = words_of(old)
    return keeps(old.body, new.body, lambda node: _is_apart(node, known))


def keeps(old: list[ast.stmt], new: list[ast.stmt], may_come: Callable[[ast.stmt], bool]) -> bool:
    """True where all statements are still there, in their order and in their classes, and the others
    `may_come`."""
    waiting = list(old)
    for node in new:
        if waiting and (ast.dump(waiting[0]) == ast.dump(node) or _is_grown(waiting[0], node, may_come)):
            waiting.pop(0)
        elif not may_come(node):
            return False
    return not waiting


# ------------------------------------------------------------------------------------------------------


def _is_grown(old: ast.stmt, new: ast.stmt, may_come: Callable[[ast.stmt], bool]) -> bool:
    """True for a class that only gains members."""
    if not isinstance(old, ast.ClassDef) or not isinstance(new, ast.ClassDef):
        return False
    heads = [
        [one.name, *map(ast.dump, [*one.bases, *one.keywords, *one.decorator_list])] for one in (old, new)
    ]
    return heads[0] == heads[1] and keeps(old.body, new.body, may_come)


def _is_apart(node: ast.stmt, known: frozenset[str]) -> bool:
    """True for a definition or an import under names that base's text does not have."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name not in known and not is_around(node)
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = {(one.asname or one.name).split(".")[0] for one in node.names}
        return not names & (known | {"*"})
    return False
