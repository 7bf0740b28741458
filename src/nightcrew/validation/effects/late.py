"""Errors that a generator raises about its arguments: they come when its first value is asked for, and not
when it is called."""

import ast
from collections.abc import Iterator

from nightcrew.validation.reading.names import parameters_of
from nightcrew.validation.reading.suite import Function, all_functions, children, tree_text, walk


def late_errors(old: ast.Module, new: ast.Module) -> Iterator[tuple[str, ast.If]]:
    """The new checks of this kind, each with its generator's name."""
    before = all_functions(old)
    for name, function in all_functions(new).items():
        known = {tree_text(one) for one in before[name].body} if name in before else set()
        yields = [one.lineno for one in _own(function) if isinstance(one, ast.Yield | ast.YieldFrom)]
        given = {one.arg for one in parameters_of(function.args)}
        for node in function.body if yields else []:
            if isinstance(node, ast.If) and node.lineno < min(yields) and tree_text(node) not in known:
                asked = {one.id for one in walk(node.test) if isinstance(one, ast.Name)}
                if asked & given and any(isinstance(one, ast.Raise) for one in node.body):
                    yield name, node


def _own(function: Function) -> Iterator[ast.expr]:
    """The expressions of a function without those of functions inside it."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.expr):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += children(node)
