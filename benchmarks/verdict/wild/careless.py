# ruff: noqa: E501
"""Bad: the change itself as a careless author would write it: plausible lines that are wrong where its own tests do not look."""

import ast
import re
from collections.abc import Callable, Iterator

from benchmarks.verdict.wild.beside import CODE, Edit, each_in_product
from benchmarks.verdict.wild.case import Fault
from benchmarks.verdict.wild.edits import (
    Function,
    changed,
    changed_lines,
    parameters,
    replaced,
    without,
)

_IGNORED = {"self", "cls", "None", "True", "False"}


def _new[T: ast.AST](text: str, before: str | None, kind: type[T]) -> Iterator[tuple[Function, T]]:
    """Nodes of a kind in the lines that the change adds or edits, with their function."""
    lines = changed_lines(before, text)
    for function in changed(before, text):
        for node in ast.walk(function):
            if isinstance(node, kind) and getattr(node, "lineno", 0) in lines:
                yield function, node


def _expressions(kind: type[ast.AST], other: Callable[[ast.AST], str | None]) -> Edit:
    """New expressions of a kind, each replaced by what `other` makes of it."""

    def edit(text: str, before: str | None) -> Iterator[str | None]:
        for _, node in _new(text, before, kind):
            made = other(node)
            if made is not None and isinstance(node, ast.expr):
                yield replaced(text, node, made)

    return edit


def _iterated(shape: str) -> Edit:
    """What a new loop or comprehension goes through, adjusted."""

    def edit(text: str, before: str | None) -> Iterator[str | None]:
        for _, node in _new(text, before, ast.For):
            yield replaced(text, node.iter, shape.format(value=ast.unparse(node.iter)))
        lines = changed_lines(before, text)
        for function in changed(before, text):
            for one in (node for node in ast.walk(function) if isinstance(node, ast.comprehension)):
                if one.iter.lineno in lines:
                    yield replaced(text, one.iter, shape.format(value=ast.unparse(one.iter)))

    return edit


def _another_name(text: str, before: str | None) -> Iterator[str | None]:
    """An argument handed on in the place of another one."""
    for function, call in _new(text, before, ast.Call):
        names = [one for one in parameters(function) if one not in _IGNORED]
        for one in (*call.args, *(word.value for word in call.keywords)):
            if isinstance(one, ast.Name) and one.id not in _IGNORED:
                yield from (replaced(text, one, name) for name in names if name != one.id)


def _truth(node: ast.AST) -> str | None:
    match node:
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(None)]):
            return f"(not {ast.unparse(left)})"
        case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[ast.Constant(None)]):
            return f"({ast.unparse(left)})"
    return None


def _filtered(node: ast.AST) -> str | None:
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        last = node.generators[-1]
        held = node.value if isinstance(node, ast.DictComp) else last.target
        return f"{ast.unparse(node)[:-1]} if {ast.unparse(held)}{ast.unparse(node)[-1]}"
    return None


def _elsewhere(node: ast.AST) -> str | None:
    written = ast.unparse(node)
    for old, new in (("sys.stderr", "sys.stdout"), ("sys.stdout", "sys.stderr")):
        if old in written:
            return written.replace(old, new)
    if isinstance(node, ast.Call) and written.startswith("print(") and "file=" not in written:
        return f"{written[:-1]}, file=__import__('sys').stderr)"
    return None


def _swapped(node: ast.AST) -> str | None:
    """`b + a` for `a + b`: the same where one of them is empty."""
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            plain = any(isinstance(one, ast.Constant) for one in (left, right))
            return None if plain else f"({ast.unparse(right)}) + ({ast.unparse(left)})"
    return None


def _operand_gone(node: ast.AST) -> str | None:
    if isinstance(node, ast.BoolOp):
        word = " and " if isinstance(node.op, ast.And) else " or "
        return f"({word.join(map(ast.unparse, node.values[:-1]))})"
    return None


def _effect_left_out(text: str, before: str | None) -> Iterator[str | None]:
    for _, node in _new(text, before, ast.Expr):
        if isinstance(node.value, ast.Call):
            yield without(text, node, " " * node.col_offset + "pass\n")


def _on_the_object(text: str, before: str | None) -> Iterator[str | None]:
    """A local value kept on an object that callers share."""
    for function, node in _new(text, before, ast.Assign):
        target = node.targets[0]
        if not (
            isinstance(target, ast.Name) and function.args.args[:1] and function.args.args[0].arg == "self"
        ):
            continue
        lines = text.splitlines(keepends=True)
        start, end = function.body[0].lineno - 1, function.end_lineno or function.lineno
        inner = re.sub(
            rf"(?<![\w.\"'{{]){target.id}\b(?!\s*=[^=][^\n]*\))",
            f"self._{target.id}",
            "".join(lines[start:end]),
        )
        yield "".join([*lines[:start], inner, *lines[end:]])


def _more_errors(text: str, before: str | None) -> Iterator[str | None]:
    for _, node in _new(text, before, ast.ExceptHandler):
        if isinstance(node.type, ast.Name | ast.Attribute):
            yield replaced(text, node.type, f"({ast.unparse(node.type)}, ArithmeticError, LookupError)")
        elif isinstance(node.type, ast.Tuple) and node.type.elts:
            more = ", ".join([*map(ast.unparse, node.type.elts), "LookupError"])
            yield replaced(text, node.type, f"({more})")


def _always(text: str, before: str | None) -> Iterator[str | None]:
    """A case that the change treats for itself, treated so always: the condition of a last branch is gone."""
    for _, node in _new(text, before, ast.If):
        yield replaced(text, node.test, "True")


def _entry_of_another(text: str, before: str | None) -> Iterator[str | None]:
    """A new entry of a table that has its neighbour's value."""
    lines = changed_lines(before, text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict) and len(node.values) > 1:
            for one, other in zip(node.values[1:], node.values, strict=False):
                if one.lineno in lines and ast.dump(one) != ast.dump(other):
                    yield replaced(text, one, ast.unparse(other))


def _text(pattern: str, new: str) -> Edit:
    """A text pattern replaced once in the new lines; every place is tried."""

    def edit(text: str, before: str | None) -> Iterator[str | None]:
        lines = changed_lines(before, text)
        for found in re.finditer(pattern, text):
            if text.count("\n", 0, found.start()) + 1 in lines:
                yield text[: found.start()] + found.expand(new) + text[found.end() :]

    return edit


_EDITS: dict[str, Edit] = {
    "another variable handed on": _another_name,
    "what is false counts as None": _expressions(ast.Compare, _truth),
    "entries dropped by a filter": _expressions(ast.expr, _filtered),
    "falsy entries dropped by a loop": _iterated("filter(None, {value})"),
    "order reversed by a loop": _iterated("reversed(list({value}))"),
    "only the first ones": _iterated("list({value})[:3]"),
    "written to another place": _expressions(ast.expr, _elsewhere),
    "joined in the other order": _expressions(ast.BinOp, _swapped),
    "part of a condition left out": _expressions(ast.BoolOp, _operand_gone),
    "effect left out": _effect_left_out,
    "local value kept on the object": _on_the_object,
    "more errors than said": _more_errors,
    "case treated always": _always,
    "entry of another one": _entry_of_another,
    "put at the beginning": _text(r"\.append\(", ".insert(0, "),
    "all of them replaced": _text(r"\.replace\(([^(),]+), ([^(),]+), 1\)", r".replace(\1, \2)"),
    "only the first replaced": _text(r"\.replace\(([^(),]+), ([^(),]+)\)", r".replace(\1, \2, 1)"),
    "cut at the first": _text(r"\.split\(([^(),]+)\)", r".split(\1, 1)"),
    "last instead of first": _text(r"\.(find|index|partition)\(", r".r\1("),
    "greedy pattern": _text(r"(?<=\w)?([+*])\?", r"\1"),
    "whole numbers only": _text(r"\bfloat\(", "int("),
    "local time": _text(r"\.(?:utcnow\(\)|now\([\w.]*utc\))", ".now()"),
    "time of another unit": _text(r"\.total_seconds\(\)", ".seconds"),
}  # fmt: skip

FAULTS = tuple(Fault(f"careless: {name}", CODE, each_in_product(edit)) for name, edit in _EDITS.items())
