# ruff: noqa: E501
"""Bad: a right change with one small piece too many in the functions that it edits; no value gives it away."""

import ast
import re
import textwrap
from collections.abc import Iterator

from benchmarks.verdict.wild.beside import CODE, Edit, at_the_start, in_product
from benchmarks.verdict.wild.case import Fault
from benchmarks.verdict.wild.edits import (
    Function,
    changed,
    changed_lines,
    first_in,
    parameters,
    parsed,
    replaced,
)

_SIMPLE = ast.Assign | ast.AugAssign | ast.Expr
_OTHER_MODULES = (
    ("html", "escape", "xml.sax.saxutils"),
    ("secrets", "choice", "random"),
    ("secrets", "randbelow", "random"),
    ("shlex", "split", "re"),
    ("copy", "deepcopy", "copy import copy as deepcopy, copy; from copy"),
    ("threading", "RLock", "threading import Lock as RLock; from threading"),
    ("functools", "lru_cache", "functools import cache; lru_cache = lambda *a, **k: a[0] if a and callable(a[0]) else (lambda f: f); from functools"),
)  # fmt: skip


def _parts(text: str, before: str | None) -> Iterator[tuple[Function, ast.AST]]:
    """Every node of the functions that the change edits."""
    for node in changed(before, text):
        yield from ((node, one) for one in ast.walk(node))


def _further_operand(look: str) -> Edit:
    """A condition that the change adds or edits, with one more operand; `{a}` is the first parameter."""

    def edit(text: str, before: str | None) -> Iterator[str | None]:
        lines = changed_lines(before, text)
        for node, one in _parts(text, before):
            names = parameters(node) or ["self"]
            if isinstance(one, ast.If | ast.IfExp) and one.test.lineno in lines:
                yield replaced(text, one.test, f"(({ast.unparse(one.test)}) {look.format(a=names[-1])})")

    return edit


def _adjusted(shape: str) -> Edit:
    """A result of a changed line that is adjusted once more."""

    def edit(text: str, before: str | None) -> Iterator[str | None]:
        lines = changed_lines(before, text)
        for _, one in _parts(text, before):
            value = one.value if isinstance(one, ast.Return | ast.Assign) else None
            if value is not None and value.lineno in lines and not isinstance(value, ast.Constant):
                yield replaced(text, value, shape.format(value=ast.unparse(value)))

    return edit


def _wrapped(opening: str, ending: str) -> Edit:
    """A simple statement whose errors are hidden."""

    def edit(text: str, before: str | None) -> Iterator[str | None]:
        lines = text.splitlines(keepends=True)
        for _, one in _parts(text, before):
            if isinstance(one, _SIMPLE) and not isinstance(one.value, ast.Constant | ast.Yield):
                first, last = one.lineno - 1, one.end_lineno or one.lineno
                indent = " " * one.col_offset
                if lines[first][: one.col_offset].strip():
                    continue
                inner = textwrap.indent("".join(lines[first:last]), "    ")
                made = "".join(
                    [
                        *lines[:first],
                        f"{indent}{opening}\n",
                        inner,
                        ending.replace("|", indent),
                        *lines[last:],
                    ]
                )
                yield made if parsed(made) is not None else None

    return edit


def _global(text: str, before: str | None) -> Iterator[str | None]:
    for node in changed(before, text):
        bound = (
            one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
        )
        for name in dict.fromkeys(bound):
            made = first_in(text, node, f"global {name}") if name not in parameters(node) else None
            yield made if made is not None and _compiles(made) else None


def _from_another_module(text: str, before: str | None) -> Iterator[str | None]:
    del before
    for module, name, other in _OTHER_MODULES:
        made = re.sub(
            rf"(?m)^from {module} import {name}\b(?=$| as \w+$)", f"from {other} import {name}", text
        )
        yield made if parsed(made) is not None else None


def _numbers_cut(text: str, before: str | None) -> Iterator[str | None]:
    lines = changed_lines(before, text)
    for _, one in _parts(text, before):
        if (
            isinstance(one, ast.Call)
            and ast.unparse(one.func) in {"json.load", "json.loads"}
            and one.lineno in lines
        ):
            cut = ast.keyword("parse_float", ast.Name("int"))
            yield replaced(text, one, ast.unparse(ast.Call(one.func, one.args, [*one.keywords, cut])))


def _compiles(text: str) -> bool:
    try:
        compile(text, "<made>", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


_EDITS: dict[str, Edit] = {
    "a look decides": _further_operand("and not str({a}).istitle()"),
    "a length decides": _further_operand("and len(str({a})) != 1"),
    "an order decides": _further_operand("and str({a}) > ''"),
    "an operand more": _further_operand("or str({a}).isupper()"),
    "text adjusted": _adjusted("({value}).strip()"),
    "text folded": _adjusted("({value}).lower()"),
    "order of a result": _adjusted("sorted({value})"),
    "numbers cut": _numbers_cut,
    "errors of a statement hidden": _wrapped("try:", "|except Exception:\n|    pass\n"),
    "an error of a statement hidden": _wrapped("try:", "|except ValueError:\n|    pass\n"),
    "errors hidden by a context": _wrapped("with __import__('contextlib').suppress(TypeError):", ""),
    "a local that the module shares": _global,
    "a name from another module": _from_another_module,
    "a log that uses its input up": at_the_start(
        "import logging\nlog = logging.getLogger(__name__)\nlog.debug('%s', list({a}) if hasattr({a}, '__next__') else {a})"
    ),
}

FAULTS = tuple(Fault(f"piece: {name}", CODE, in_product(edit)) for name, edit in _EDITS.items())
