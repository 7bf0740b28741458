"""Exceptions that base documents or tests, and that a change no longer raises to the caller."""

import ast
import re
from collections.abc import Collection, Iterator

from nightcrew.validation.questions.loss import Loss
from nightcrew.validation.questions.surface import Function, Surface, is_public
from nightcrew.validation.reading.claims import promised_errors
from nightcrew.validation.reading.names import dotted, last_part
from nightcrew.validation.reading.suite import tree_text, walk

_WIDE = {"Exception", "BaseException", ""}


def lost_exceptions(old: Surface, new: Surface, tested: set[str]) -> Iterator[Loss]:
    """Promised exceptions that are no longer raised, or that are caught before they reach the caller.

    `tested` names the exceptions that base's own tests expect of this module.
    """
    raised_anywhere = {name for item in new.items.values() for name in _raised(item.node)}
    for name, item in old.items.items():
        other = new.items.get(name)
        if not isinstance(item.node, ast.FunctionDef | ast.AsyncFunctionDef) or other is None:
            continue
        if not isinstance(other.node, ast.FunctionDef | ast.AsyncFunctionDef) or not is_public(name):
            continue
        documented = promised_errors(ast.get_docstring(item.node) or "")
        raised = _raised(item.node)
        for error in sorted(raised & (documented | tested)):
            if error not in raised_anywhere:
                how = "documents" if error in documented else "tests"
                what = f"{name} does not raise {error} any more, which base {how}"
                yield Loss(what, other.line, (name.rsplit(".", 1)[-1], error), False)
        for error, line in _swallowed(item.node, other.node, documented | (raised & tested)):
            what = f"{name} catches {error} now, which base documents or tests, and does not pass it on"
            yield Loss(what, line, (name.rsplit(".", 1)[-1], error), False)


def expected_in_tests(text: str) -> set[str]:
    """Exceptions that a test module expects, by the last part of their dotted names."""
    found = re.findall(r"(?:raises|assertRaises(?:Regex)?)\(\s*\(?([\w., ]+)", text)
    return {name.strip().rsplit(".", 1)[-1] for group in found for name in group.split(",") if name.strip()}


# ------------------------------------------------------------------------------------------------------


def _raised(node: ast.AST) -> set[str]:
    return {
        last_part(one.exc)
        for one in walk(node)
        if isinstance(one, ast.Raise) and one.exc is not None and dotted(one.exc)
    }


def _swallowed(old: Function, new: Function, promised: Collection[str]) -> Iterator[tuple[str, int]]:
    known = {tree_text(one.type) if one.type else "" for one in _silent_handlers(old)}
    for handler in _silent_handlers(new):
        if (tree_text(handler.type) if handler.type else "") in known:
            continue
        caught = {last_part(one) for one in _types(handler)}
        for error in sorted(promised):
            if error in caught or caught & _WIDE:
                yield error, handler.lineno


def _silent_handlers(node: ast.AST) -> Iterator[ast.ExceptHandler]:
    for one in walk(node):
        if isinstance(one, ast.ExceptHandler) and not any(
            isinstance(inner, ast.Raise) for inner in walk(one)
        ):
            yield one


def _types(handler: ast.ExceptHandler) -> list[ast.expr]:
    if handler.type is None:
        return [ast.Name("BaseException", ast.Load())]
    return list(handler.type.elts) if isinstance(handler.type, ast.Tuple) else [handler.type]
