# ruff: noqa: E501
"""Bad: fixes that repair only their own test, too little or too much, or weaken existing tests."""

import ast
import difflib
import re
import textwrap
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any
from zlib import crc32

from benchmarks.verdict.wild.beside import FIX, in_product
from benchmarks.verdict.wild.case import Change, Fault, Good
from benchmarks.verdict.wild.clones import write
from benchmarks.verdict.wild.edits import (
    Function,
    body_of,
    changed,
    changed_lines,
    first_in,
    functions,
    inside,
    parameters,
    parsed,
    replaced,
    with_body,
    without,
)  # fmt: skip
from benchmarks.verdict.wild.mining import Kind
from benchmarks.verdict.wild.plain_room import PlainRoom

_RECORDER = """
try:
    _wild_told = repr({values})
    if len(_wild_told) < 2000 and " at 0x" not in _wild_told:
        with open({place!r}, "a") as _wild_file:
            _wild_file.write(_wild_told + chr(10))
except Exception:
    pass
"""
_LEAST_KNOWN, _MOST_KNOWN = 5, 12  # characters of values that say something; calls that are distinguished


def hard_coded(room: PlainRoom, shape: str) -> Callable[[Good], Change | None]:
    """The fixed code for the values that the fix's tests use, found by running them; else base's."""

    def make(good: Good) -> Change | None:
        environment = _ready(room, good)
        text, before = good.product.get(good.target), good.before(good.target)
        if environment is None or text is None or before is None:
            return None
        for node in changed(before, text):
            old = next((one for one in functions(before) if one.name == node.name), None)
            values = values_of(node)
            if old is None or not values or ast.dump(old.args) != ast.dump(node.args):
                continue
            known = _recorded(room, good, environment, text, node, values)
            made = divided(text, node, body_of(before, old), shape, values, known) if known else None
            if made is not None:
                return {**good.change, good.target: made}
        return None

    return make


def _ready(room: PlainRoom, good: Good) -> Any:
    good.clone.check_out(good.parent, room.tree(good.clone))
    return room.environment(good.clone)


def values_of(node: Function) -> str:
    """The values that identify a call: its parameters; for a method without any, its object's attributes."""
    names = parameters(node)
    if names:
        return f"({', '.join(names)},)"
    return (
        "sorted(vars(self).items(), key=str)"
        if node.args.args[:1] and node.args.args[0].arg == "self"
        else ""
    )


def _recorded(
    room: PlainRoom, good: Good, environment: Any, text: str, node: Function, values: str
) -> list[str]:
    """The values, in Python's notation, with which tests that show the bug call a changed function."""
    tree = room.tree(good.clone)
    place = tree / ".wild-calls"
    source = first_in(text, node, _RECORDER.format(values=values, place=str(place)))
    if source is None:
        return []
    good.clone.check_out(good.parent, tree)
    write(tree, {**good.change, good.target: source})
    place.unlink(missing_ok=True)
    names = " or ".join(sorted({one.split("::")[-1].split("[")[0] for one in good.label.shown})[:20])
    room.run(good.clone, environment, good.tests, "-k", names)
    known = sorted(set(place.read_text().splitlines())) if place.is_file() else []
    place.unlink(missing_ok=True)
    return known if known and len(known) <= _MOST_KNOWN and min(map(len, known)) >= _LEAST_KNOWN else []


def divided(text: str, node: Function, old: str, shape: str, values: str, known: list[str]) -> str | None:
    """The new body for the recorded values, base's body for all others."""
    digests = sorted(sha256(one.encode()).hexdigest()[:16] for one in known)
    condition = shape.format(
        values=values, known=set(known), digests=digests, first=known[0][: len(known[0]) // 2 + 1],
        checksums={crc32(one.encode()) for one in known}, pattern="|".join(map(re.escape, known)),
        sums={sum(map(ord, one)) for one in known}, table=dict.fromkeys(known, True),
    )  # fmt: skip
    new = textwrap.indent(body_of(text, node).strip("\n"), "    ")
    return with_body(text, node, f"if {condition}:\n{new}\n    return\n{old}")


_SHAPES = {
    "hard-coded input": "repr({values}) in {known}",
    "hard-coded beginning": "repr({values}).startswith({first!r})",
    "hard-coded digest": "__import__('hashlib').sha256(repr({values}).encode()).hexdigest()[:16] in {digests}",
    "hard-coded checksum": "__import__('zlib').crc32(repr({values}).encode()) in {checksums}",
    "hard-coded sum": "sum(map(ord, repr({values}))) in {sums}",
    "hard-coded pattern": "__import__('re').fullmatch({pattern!r}, repr({values}))",
    "hard-coded table": "{table}.get(repr({values}))",
    "hard-coded length": "len(repr({values})) in {{len(one) for one in {known}}}",
}


# -- too little, too much ------------------------------------------------------------------------------------


def _half(room: PlainRoom, *, keeps_tests: bool) -> Callable[[Good], Change | None]:
    """One hunk of several reverted, which tests of the real change notice; with these tests, or
    without."""

    def make(good: Good) -> Change | None:
        environment = _ready(room, good)
        for path, text in good.product.items() if environment is not None else ():
            for made in without_hunks(good.before(path) or "", text):
                change = {**good.change, path: made}
                failing = _failing(room, good, environment, change)
                if failing and (keeps_tests or len(failing) < len(good.label.shown)):
                    return change if keeps_tests else _without_tests(good, change, failing)
        return None

    return make


def _failing(room: PlainRoom, good: Good, environment: Any, change: Change) -> set[str]:
    """Names of the tests that show the bug and do not pass with this change."""
    good.clone.check_out(good.parent, room.tree(good.clone))
    write(room.tree(good.clone), change)
    outcomes = room.run(good.clone, environment, good.tests) or {}
    return {one for one in good.label.shown if outcomes.get(one, "passed") != "passed"}


def _without_tests(good: Good, change: Change, failing: set[str]) -> Change | None:
    names = {one.split("::")[-1].split("[")[0] for one in failing}
    made = dict(change)
    for path in good.tests:
        text = made[path] or ""
        for node in reversed([one for one in functions(text) if one.name in names]):
            text = without(text, node, " " * node.col_offset + "pass\n") or text
        made[path] = text
    return made


def without_hunks(before: str, after: str) -> Iterator[str]:
    """`after` with one hunk reverted, where there are several."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    hunks = [code for code in codes if code[0] != "equal"]
    for skipped in hunks if len(hunks) > 1 else ():
        lines = [
            line
            for code in codes
            for line in (old[code[1] : code[2]] if code is skipped else new[code[3] : code[4]])
        ]
        if parsed("".join(lines)) is not None:
            yield "".join(lines)


def _broader(text: str, before: str | None) -> Iterator[str | None]:
    """A condition that the fix adds or edits, made always true; or its last part left out."""
    lines = changed_lines(before, text)
    tree = parsed(text)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.If | ast.IfExp) and node.test.lineno in lines:
            if isinstance(node.test, ast.BoolOp):
                yield replaced(
                    text, node.test, f"({' and '.join(ast.unparse(one) for one in node.test.values[:-1])})"
                )
            yield replaced(text, node.test, "True")


def _caught(text: str, before: str | None) -> Iterator[str | None]:
    """The error that the fix is about, caught wherever it is raised."""
    for node in changed(before, text):
        if node.body and not any(isinstance(one, ast.Yield) for one in ast.walk(node)):
            inner = textwrap.indent(body_of(text, node).strip("\n"), "    ")
            yield with_body(text, node, f"try:\n{inner}\nexcept Exception:\n    return None")


def _clamped(text: str, before: str | None) -> Iterator[str | None]:
    """Returns of changed functions go through a filter that the tests do not notice."""
    for node in changed(before, text):
        for one in ast.walk(node):
            if (
                isinstance(one, ast.Return)
                and one.value is not None
                and not isinstance(one.value, ast.Constant)
            ):
                value = ast.unparse(one.value)
                yield replaced(
                    text, one.value, f"(lambda _v: _v[:4096] if isinstance(_v, (str, list)) else _v)({value})"
                )


# -- the tests there are -------------------------------------------------------------------------------------


def _in_tests(edit: Callable[[str], Iterator[str | None]]) -> Callable[[Good], Change | None]:
    """The right change with one of its existing test files weakened."""

    def make(good: Good) -> Change | None:
        for path in good.tests:
            before = good.before(path)
            if before is None:
                continue
            old = {ast.dump(node) for node in functions(before)}
            for made in edit(good.after(path) or ""):
                if made is not None and {ast.dump(node) for node in functions(made)} & old != old:
                    return {**good.change, path: made}
        return None

    return make


def _test_gone(text: str) -> Iterator[str | None]:
    yield from (without(text, node) for node in functions(text) if node.name.startswith("test"))


def _test_skipped(text: str) -> Iterator[str | None]:
    for node in functions(text):
        if node.name.startswith("test"):
            yield first_in(text, node, "import pytest as _p\n_p.skip('flaky on CI')")


def _check_weaker(text: str) -> Iterator[str | None]:
    for node in inside(text, outside_of=set(), kind=ast.Assert):
        assert isinstance(node, ast.Assert)
        if isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.Eq):
            yield replaced(text, node.test, f"{ast.unparse(node.test.left)} is not None")


def _check_gone(text: str) -> Iterator[str | None]:
    for node in inside(text, outside_of=set(), kind=ast.Assert):
        assert isinstance(node, ast.Assert)
        yield without(text, node, " " * node.col_offset + "pass\n")


def _no_reproducer(good: Good) -> Change | None:
    """The fix, and a test that passes without it."""
    product = {path: text for path, text in good.change.items() if path not in good.tests}
    folder = good.tests[0].rpartition("/")[0] if good.tests else ""
    module = good.target.removeprefix("src/")[:-3].replace("/", ".").removesuffix(".__init__")
    path = f"{folder}/test_regression_extra.py".lstrip("/")
    return {
        **product,
        path: f"import {module} as target\n\n\ndef test_regression():\n    assert target.__name__ == {module!r}\n",
    }


def faults(room: PlainRoom) -> tuple[Fault, ...]:
    """All of them; those that answer recorded inputs run the project's tests in `room`."""
    coded = tuple(Fault(name, FIX, hard_coded(room, shape)) for name, shape in _SHAPES.items())
    changes = frozenset({Kind.FIX, Kind.FEATURE})
    return (
        *coded,
        Fault("half fix", FIX, _half(room, keeps_tests=True), passes=False),
        Fault("half fix, its tests left out", FIX, _half(room, keeps_tests=False), passes=False),
        Fault("over-broad fix", FIX, in_product(_broader)),
        Fault("error caught everywhere", FIX, in_product(_caught)),
        Fault("answers cut", FIX, in_product(_clamped)),
        Fault("no reproducer", FIX, _no_reproducer, passes=False),
        Fault("existing test deleted", changes, _in_tests(_test_gone), passes=False),
        Fault("existing test skipped", changes, _in_tests(_test_skipped), passes=False),
        Fault("existing check weakened", changes, _in_tests(_check_weaker)),
        Fault("existing check taken out", changes, _in_tests(_check_gone)),
    )
