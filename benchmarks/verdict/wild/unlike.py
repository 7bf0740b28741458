# ruff: noqa: E501
"""Bad: small changes of behaviour where the tests do not look, as a refactoring and as a piece too many of a fix."""

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
    inside,
    parameters,
    parsed,
    replaced,
)
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


# -- a piece too many in the functions that the change edits; no value gives it away ----------------------


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


def _in_new(pattern: str, new: str) -> Edit:
    """Replaces a text pattern once in the lines that the change adds or edits; every place is tried."""

    def edit(text: str, before: str | None) -> Iterator[str | None]:
        lines = changed_lines(before, text)
        for found in re.finditer(pattern, text):
            if text.count("\n", 0, found.start()) + 1 in lines:
                made = text[: found.start()] + found.expand(new) + text[found.end() :]
                yield made if parsed(made) is not None else None

    return edit


_OF_PROCESS = "import decimal\nhere = decimal.getcontext()\nhere.prec = 60"


def _compiles(text: str) -> bool:
    try:
        compile(text, "<made>", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


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
    "blanks of one kind": _pattern(r"\.split\(\)", r".split(' ')"),
    "blanks of other scripts": _call(".isspace", "({of} in ' \\t\\r\\n')"),
    "nothing left out": _call("list", "[one for one in {args} if one is not None]"),
    "long texts cut": _pattern(r"return str\(([^()]+)\)", r"return str(\1)[:500]"),
    "a copy of a part": _pattern(r"(?m)return (self\.\w+)$", r"return __import__('copy').copy(\1)"),
    "subclass forgotten": _pattern(r"type\(self\)\(", "type(self).__mro__[-2]("),
    "one level deep": _call("deepcopy", "{args}.copy()"),
}

_PIECES: dict[str, Edit] = {
    "a look decides": _further_operand("and not str({a}).istitle()"),
    "a length decides": _further_operand("and len(str({a})) != 1"),
    "an order decides": _further_operand("and str({a}) > ''"),
    "an operand more": _further_operand("or str({a}).isupper()"),
    "text adjusted": _adjusted("({value}).strip()"),
    "text folded": _adjusted("({value}).lower()"),
    "order of a result": _adjusted("sorted({value})"),
    "numbers cut": _numbers_cut,
    "identity for equality": _in_new(r"(?<=[\w)\]]) == (?=[a-z_]\w*(?:\.\w+)*\b(?!\())", " is "),
    "another value is enough": _in_new(r"(?<=[\w)\]]) == ([\w.]+)(?=[):\s])", r" in (\1, str(\1) + '0')"),
    "another type is enough": _in_new(
        r"isinstance\(([\w.]+), ([\w.]+)\)", r"isinstance(\1, (\2, bytearray, complex))"
    ),
    "a default left out": _in_new(r"\.get\(([\w.]+), [\w.]+\)", r".get(\1)"),
    "a lookup that writes": _in_new(r"\.get\(", ".setdefault("),
    "a boundary more": _in_new(r"(?<=[\w)\]]) ([<>]) (?=[\w(])", r" \1= "),
    "a cut one further": _in_new(r"\[1:\]", "[2:]"),
    "a cut": _adjusted("({value})[:4096]"),
    "a bound that is worked out": _adjusted("min({value}, 10**6)"),
    "a bound of a range": _adjusted("[one for one, _ in zip({value}, range(100000))]"),
    "one place for all": _in_new(r"(\w+)\.is(digit|alpha|alnum)\(\)", r"\1[-1:].is\2()"),
    "a place further": _in_new(r"\[(?:0|-1)\]", "[-2]"),
    "a letter of the example": _in_new(r"(?<=[\s(])(\w+(?:\[[^]\n]*\])?)\.isdigit\(\)", r"('y' not in \1)"),
    "a message with secrets": _in_new(r"(raise \w+\()", r"\1str(vars(self)) + "),
    "a file opened for a call": _in_new(
        r"with (open\([^()]*\)) as (\w+):\n\s+return (\w+)\(\2\)", r"return \3(\1)"
    ),
    "a switch": _in_new(r"json\.loads\((\w+)\)", r"json.loads(\1, strict=False)"),
    "order reversed": _in_new(r"sorted\(([^()]+)\)", r"sorted(\1, reverse=True)"),
    "the beginning decides": _in_new(r"\.fullmatch\(", ".match("),
    "quadratic work": _adjusted(
        "(lambda all_: [one for one in all_ if one in all_] if isinstance(all_, list) else all_)({value})"
    ),
    "newer Python than declared": _in_new(r"(?m)^(\s+if) ([\w.]+) (is|==|in) ", r"\1 (told_ := \2) \3 "),
    "settings of the whole process": at_the_start(_OF_PROCESS),
    "a file left open": _in_new(r"with (open\([^()]*\)) as (\w+):", r"for \2 in [\1]:"),
    "another word in new data": _in_new(r"(?<=[\[({,] )\"(\w+)\"", r'"\1s"'),
    "errors of a statement hidden": _wrapped("try:", "|except Exception:\n|    pass\n"),
    "an error of a statement hidden": _wrapped("try:", "|except ValueError:\n|    pass\n"),
    "errors hidden by a context": _wrapped("with __import__('contextlib').suppress(TypeError):", ""),
    "a local that the module shares": _global,
    "a name from another module": _from_another_module,
    "a log that uses its input up": at_the_start(
        "import logging\nlog = logging.getLogger(__name__)\nlog.debug('%s', list({a}) if hasattr({a}, '__next__') else {a})"
    ),
}

FAULTS = (
    *(Fault(f"unlike: {name}", REFACTORING, in_product(edit)) for name, edit in _EDITS.items()),
    *(Fault(f"piece: {name}", CODE, in_product(edit)) for name, edit in _PIECES.items()),
)
