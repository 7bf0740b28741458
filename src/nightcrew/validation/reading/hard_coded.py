"""Answers written for the tests' own inputs: a branch that compares with a test's literal and returns
another."""

import ast

from nightcrew.validation.change.paths import is_test
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom

_SMALL = 3  # shorter texts and smaller numbers are ordinary special cases


def hard_coded_answers(room: CleanRoom) -> str:
    """The first such branch in the product's changed code, as a person reads it; empty: there is none."""
    known = _test_literals(room)
    for change in room.changes:
        if change.after is None or not change.path.endswith(".py") or is_test(change.path):
            continue
        new, old = parse(change.after), parse(change.before or "")
        if new is None or old is None:
            continue
        before = {ast.dump(node) for node in _branches(old)}
        for node in _branches(new):
            if ast.dump(node) not in before and _answers(node, known):
                return f"{change.path}: {_first_line(node)}"
    return ""


def _first_line(node: ast.AST) -> str:
    return ast.unparse(node).split("\n")[0][:120]


def _test_literals(room: CleanRoom) -> set[str]:
    """Literals worth recognising in the tests that the patch adds."""
    found: set[str] = set()
    for change in room.changes:
        if change.after is None or not is_test(change.path) or not change.path.endswith(".py"):
            continue
        tree, old = parse(change.after), parse(change.before or "")
        for source, into in ((tree, found),):
            if source is not None:
                into |= {ast.dump(node) for node in ast.walk(source) if _is_telling(node)}
        del old
    return found


def _is_telling(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, str | bytes):
            return len(value) >= _SMALL
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > _SMALL
    return isinstance(node, ast.Tuple | ast.List | ast.Dict | ast.Set) and any(
        isinstance(one, ast.Constant) for one in ast.walk(node)
    )


def _branches(tree: ast.AST) -> list[ast.If | ast.IfExp | ast.Dict | ast.match_case]:
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp | ast.Dict | ast.match_case)
    ]


def _answers(node: ast.If | ast.IfExp | ast.Dict | ast.match_case, known: set[str]) -> bool:
    if isinstance(node, ast.Dict):
        pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
        hits = [
            key
            for key, value in pairs
            if ast.dump(key) in known and _is_plain(value) and ast.dump(value) in known
        ]
        return len(pairs) > 0 and len(hits) == len(pairs)
    if isinstance(node, ast.match_case):
        compared = {ast.dump(one) for one in ast.walk(node.pattern) if _is_telling(one)}
        return bool(compared & known) and _returns_plain(node.body)
    compared = {ast.dump(one) for one in _equality_literals(node.test)}
    if not compared & known:
        return False
    return _is_plain(node.body) if isinstance(node, ast.IfExp) else _returns_plain(node.body)


def _equality_literals(test: ast.expr) -> list[ast.AST]:
    found: list[ast.AST] = []
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and any(
            isinstance(one, ast.Eq | ast.Is | ast.In) for one in node.ops
        ):
            found += [
                one for side in (node.left, *node.comparators) for one in ast.walk(side) if _is_telling(one)
            ]
    return found


def _returns_plain(body: list[ast.stmt]) -> bool:
    """A branch that does nothing but give a literal back."""
    last = body[-1] if body else None
    if isinstance(last, ast.Return) and last.value is not None:
        return _is_plain(last.value)
    if isinstance(last, ast.Raise):
        return len(body) == 1
    return len(body) == 1 and isinstance(last, ast.Assign) and _is_plain(last.value)


def _is_plain(node: ast.expr) -> bool:
    """A literal, or a call with literals only."""
    allowed = (
        ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Load, ast.UnaryOp, ast.USub, ast.Call,
        ast.Name,
        ast.Attribute, ast.keyword,
    )  # fmt: skip
    if isinstance(node, ast.Name):
        return False
    constants = any(isinstance(one, ast.Constant) for one in ast.walk(node))
    return (
        constants and all(isinstance(one, allowed) for one in ast.walk(node)) and not _names_arguments(node)
    )


def _names_arguments(node: ast.expr) -> bool:
    """A lower-case name that is not called is a variable, and the answer is computed."""
    called = {id(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
    return any(
        isinstance(one, ast.Name) and id(one) not in called and one.id.islower() for one in ast.walk(node)
    )
