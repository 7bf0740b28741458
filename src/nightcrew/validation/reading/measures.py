"""How complex, repetitive and large code is, and how much of it is public."""

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from nightcrew.validation.reading.names import called
from nightcrew.validation.reading.suite import Function, all_functions, tree_of, tree_text, walk

_BRANCHING = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension,
    ast.Assert, ast.match_case,
)  # fmt: skip
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOKING = {
    "all", "any", "copy", "count", "deepcopy", "dict", "find", "fromkeys", "index", "insert", "join", "list",
    "max", "min", "pop", "remove", "replace", "reversed", "set", "sort", "sorted", "split", "sum", "tuple",
}  # fmt: skip
_WINDOW = 4  # consecutive statements that count as repeated
_SIZE_SLACK = (1.35, 12)  # factor and statements: extracting functions adds a few statements


@dataclass(frozen=True, slots=True)
class Measures:
    """Measures of several files together."""

    complexity_worst: int
    complexity_mean: float
    statements: int
    duplicated: int


def measure(texts: Iterable[str]) -> Measures:
    """Measures of source texts that parse."""
    trees = [tree_of(text) for text in texts]
    paths = [complexity(node) for tree in trees for node in all_functions(tree).values()]
    return Measures(
        max(paths, default=0),
        round(sum(paths) / len(paths), 3) if paths else 0.0,
        sum(isinstance(node, ast.stmt) for tree in trees for node in walk(tree)),
        _duplicated(trees),
    )


def complexity(node: Function) -> int:
    """Paths through a function: one, and one more for each branch."""
    inner = sum(isinstance(one, _BRANCHING) for one in walk(node))
    return 1 + inner + sum(len(one.values) - 1 for one in walk(node) if isinstance(one, ast.BoolOp))


def repeats(node: Function, others: Collection[str]) -> bool:
    """True where the function does something in a loop that may itself look at all of its input; `others` are
    functions that may do so."""
    loops = [one for one in walk(node) if isinstance(one, _LOOPS)]
    inside = (one for loop in loops for one in walk(loop) if one is not loop)
    return any(len(getattr(loop, "generators", ())) > 1 for loop in loops) or any(
        isinstance(one, (*_LOOPS, ast.In, ast.NotIn, ast.Slice, ast.AugAssign))
        or (isinstance(one, ast.Call) and called(one) in _LOOKING.union(others))
        for one in inside
    )


def _duplicated(trees: list[ast.Module]) -> int:
    """Number of statements in runs of four or more that occur more than once."""
    windows: Counter[str] = Counter()
    for tree in trees:
        for node in walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                dumps = [tree_text(one) for one in body]
                windows.update("".join(dumps[at : at + _WINDOW]) for at in range(len(dumps) - _WINDOW + 1))
    return sum(_WINDOW * (count - 1) for count in windows.values() if count > 1)


def what_got_worse(before: Measures, after: Measures) -> str:
    """In words; empty where nothing did."""
    factor, slack = _SIZE_SLACK
    worst = f"{before.complexity_worst} to {after.complexity_worst} paths"
    mean = f"{after.complexity_mean:.1f} paths each instead of {before.complexity_mean:.1f}"
    grown = f"{before.statements} to {after.statements} statements"
    return _first({
        f"the most complex function went from {worst}": after.complexity_worst > before.complexity_worst,
        f"functions have {mean}": after.complexity_mean > before.complexity_mean + 0.5,
        f"it grew from {grown}": after.statements > factor * before.statements + slack,
        f"{after.duplicated} statements are repeated instead of {before.duplicated}":
            after.duplicated > before.duplicated,
    })  # fmt: skip


def what_got_better(before: Measures, after: Measures) -> str:
    """In words; empty where nothing did."""
    worst = f"{after.complexity_worst} paths instead of {before.complexity_worst}"
    mean = f"{after.complexity_mean:.1f} paths each instead of {before.complexity_mean:.1f}"
    repeated, shorter = before.duplicated - after.duplicated, before.statements - after.statements
    return _first({
        f"the most complex function has {worst}": after.complexity_worst < before.complexity_worst,
        f"{repeated} fewer statements are repeated": repeated > 0,
        f"it is {shorter} statements shorter": shorter > 0,
        f"functions have {mean}": after.complexity_mean < before.complexity_mean,
    })  # fmt: skip


def _first(holds: Mapping[str, bool]) -> str:
    return next((words for words, is_true in holds.items() if is_true), "")
