"""Bad: refactorings that change behaviour: results differ where the tests do not look."""

import ast
import re
from collections.abc import Iterator

from benchmarks.verdict.wild.beside import Edit, in_product
from benchmarks.verdict.wild.case import Fault
from benchmarks.verdict.wild.edits import changed_lines, inside, parsed, replaced
from benchmarks.verdict.wild.mining import Kind

REFACTORING = frozenset({Kind.REFACTORING, Kind.FIX})


def _pattern(old: str, new: str) -> Edit:
    """Replaces a text pattern once in code that the change leaves alone; every place is tried."""

    def edit(text: str, before: str | None) -> Iterator[str | None]:
        del before
        for found in re.finditer(old, text):
            made = text[: found.start()] + found.expand(new) + text[found.end() :]
            yield made if parsed(made) is not None else None

    return edit


def _call(name: str, new: str) -> Edit:
    """Rewrites a call of a built-in or method; `{args}` are its arguments, `{of}` its object."""

    def edit(text: str, before: str | None) -> Iterator[str | None]:
        for node in inside(text, outside_of=changed_lines(before, text), kind=ast.Call):
            assert isinstance(node, ast.Call)
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == name.lstrip(".") and isinstance(node.func, ast.Attribute) == name.startswith("."):
                of = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
                args = ", ".join(map(ast.unparse, [*node.args, *(one.value for one in node.keywords)]))
                if node.args or name.startswith("."):
                    yield replaced(text, node, new.format(args=args, of=of))

    return edit


def _comprehension_lists(text: str, before: str | None) -> Iterator[str | None]:
    for node in inside(text, outside_of=changed_lines(before, text), kind=ast.Return):
        assert isinstance(node, ast.Return)
        if isinstance(node.value, ast.ListComp):
            yield replaced(text, node.value, f"({ast.unparse(node.value)[1:-1]})")
        elif isinstance(node.value, ast.GeneratorExp):
            yield replaced(text, node.value, f"[{ast.unparse(node.value)[1:-1]}]")


def _lazy_to_list(text: str, before: str | None) -> Iterator[str | None]:
    for node in inside(text, outside_of=changed_lines(before, text), kind=ast.YieldFrom):
        assert isinstance(node, ast.YieldFrom)
        yield replaced(text, node.value, f"list({ast.unparse(node.value)})")


def _truth_for_none(text: str, before: str | None) -> Iterator[str | None]:
    for node in inside(text, outside_of=changed_lines(before, text), kind=ast.Compare):
        assert isinstance(node, ast.Compare)
        if (
            isinstance(node.ops[0], ast.Is | ast.IsNot)
            and ast.unparse(node.comparators[0]) == "None"
            and len(node.ops) == 1
        ):
            word = "not " if isinstance(node.ops[0], ast.Is) else ""
            yield replaced(text, node, f"({word}{ast.unparse(node.left)})")


def _or_for_default(text: str, before: str | None) -> Iterator[str | None]:
    for node in inside(text, outside_of=changed_lines(before, text), kind=ast.IfExp):
        assert isinstance(node, ast.IfExp)
        if ast.unparse(node.body) == ast.unparse(node.test).removesuffix(" is not None"):
            yield replaced(text, node, f"({ast.unparse(node.body)} or {ast.unparse(node.orelse)})")


def _raised_otherwise(text: str, before: str | None) -> Iterator[str | None]:
    for node in inside(text, outside_of=changed_lines(before, text), kind=ast.Raise):
        assert isinstance(node, ast.Raise)
        if (
            isinstance(node.exc, ast.Call)
            and isinstance(node.exc.func, ast.Name)
            and node.exc.func.id.endswith("Error")
        ):
            other = "RuntimeError" if node.exc.func.id != "RuntimeError" else "ValueError"
            yield replaced(text, node.exc, f"{other}({', '.join(map(ast.unparse, node.exc.args))})")


def _message_otherwise(text: str, before: str | None) -> Iterator[str | None]:
    for node in inside(text, outside_of=changed_lines(before, text), kind=ast.Raise):
        assert isinstance(node, ast.Raise)
        if isinstance(node.exc, ast.Call) and node.exc.args and not node.exc.keywords:
            yield replaced(text, node.exc, f"{ast.unparse(node.exc.func)}('failed')")


def _shared_default(text: str, before: str | None) -> Iterator[str | None]:
    for node in inside(text, outside_of=changed_lines(before, text), kind=ast.FunctionDef):
        assert isinstance(node, ast.FunctionDef)
        for one, default in zip(node.args.args[::-1], node.args.defaults[::-1], strict=False):
            if ast.unparse(default) == "None" and re.search(
                rf"if {one.arg} is None:\n\s+{one.arg} = (\[\]|\{{\}})\n", text
            ):
                yield replaced(text, default, "[]" if f"{one.arg} = []" in text else "{}")


_EDITS: dict[str, Edit] = {
    "lazy instead of a list": _comprehension_lists,
    "a list instead of lazy": _lazy_to_list,
    "truth instead of None": _truth_for_none,
    "or instead of a default": _or_for_default,
    "another exception": _raised_otherwise,
    "another message": _message_otherwise,
    "a default that is shared": _shared_default,
    "order lost": _call("sorted", "list({args})"),
    "a tuple for a list": _call("list", "tuple({args})"),
    "a list for a tuple": _call("tuple", "list({args})"),
    "copy left out": _call(".copy", "{of}"),
    "text folded otherwise": _call(".lower", "{of}.casefold()"),
    "text stripped otherwise": _call(".strip", "{of}.rstrip({args})"),
    "digits of other scripts": _call(".isdigit", "({of}.isdecimal() and {of}.isascii())"),
    "whole division": _pattern(r"(\w+) // (\w+)", r"int(\1 / \2)"),
    "set made a list": _call("set", "list({args})"),
    "dict made anew at each call": _call("dict", "dict(reversed(list(dict({args}).items())))"),
    "errors replaced": _pattern(r"\.encode\(\)", r'.encode("ascii", "replace")'),
    "equality for identity": _pattern(r"(\w+) == (True|False|None)\b", r"\1 is \2"),
    "isinstance to type": _pattern(r"isinstance\((\w+), (str|int|list|dict|tuple)\)", r"(type(\1) is \2)"),
    "first match": _pattern(r"\.rsplit\(", r".split("),
    "prefix by characters": _pattern(r"\.removeprefix\(", r".lstrip("),
    "minimum of nothing": _pattern(r"max\(([^(),]+), default=[^()]+\)", r"max(\1)"),
    "one level deep": _call("deepcopy", "{args}.copy()"),
}

FAULTS = tuple(Fault(f"unlike: {name}", REFACTORING, in_product(edit)) for name, edit in _EDITS.items())
