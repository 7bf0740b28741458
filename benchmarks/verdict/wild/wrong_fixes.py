# ruff: noqa: E501
"""Bad: fixes that repair their own test alone, too little or too much, or bend the tests there are."""

import ast
import difflib
import json
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.verdict.wild.beside import FIX, in_product
from benchmarks.verdict.wild.case import Change, Fault, Good
from benchmarks.verdict.wild.edits import (
    changed,
    changed_lines,
    first_in,
    functions,
    inside,
    parameters,
    parsed,
    replaced,
    without,
)  # fmt: skip
from benchmarks.verdict.wild.mining import Kind
from benchmarks.verdict.wild.plain_room import PlainRoom

_RECORDER = """

def _wild_recorder(_function):
    import ast as _ast, functools as _functools, json as _json
    @_functools.wraps(_function)
    def _recorded(*args, **kwargs):
        result = _function(*args, **kwargs)
        try:
            told = [repr(one) for one in (args, kwargs, result)]
            if all(_ast.literal_eval(text) is not Ellipsis for text in told):
                with open({place!r}, "a") as _file:
                    _file.write(_json.dumps(told) + "\\n")
        except Exception:
            pass
        return result
    return _recorded
{name} = _wild_recorder({name})
"""


def hard_coded(room: PlainRoom, shape: str) -> Callable[[Good], Change | None]:
    """Base's function with the answers that the tests of the fix get, found by running them."""

    def make(good: Good) -> Change | None:
        environment = _ready(room, good)
        text, before = good.product.get(good.target), good.before(good.target)
        if environment is None or text is None or before is None:
            return None
        for node in changed(before, text):
            old = next((one for one in functions(before) if one.name == node.name), None)
            if old is None or node.col_offset or not parameters(old):
                continue
            for call in _recorded(room, good, environment, text, node.name):
                made = _answered(before, old, shape, *call)
                if made is not None:
                    return {**good.change, good.target: made}
        return None

    return make


def _ready(room: PlainRoom, good: Good) -> Any:
    good.clone.check_out(good.parent, room.tree(good.clone))
    return room.environment(good.clone)


def _recorded(room: PlainRoom, good: Good, environment: Any, text: str, name: str) -> list[tuple[str, str]]:
    """Arguments and answers of calls that base answers otherwise, as literals."""
    seen: list[set[tuple[str, str, str]]] = []
    for source in (text, good.before(good.target) or ""):
        tree = room.tree(good.clone)
        place = tree / ".wild-calls"
        place.unlink(missing_ok=True)
        source += _RECORDER.format(place=str(place), name=name)
        good.clone.check_out(good.parent, tree)
        for path, content in {**good.change, good.target: source}.items():
            if content is not None:
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_bytes(content.encode("utf-8", "surrogateescape"))
        room.run(good.clone, environment, good.tests)
        lines = place.read_text().splitlines() if place.is_file() else []
        place.unlink(missing_ok=True)
        seen.append({tuple(json.loads(line)) for line in lines})
    fresh = sorted(seen[0] - seen[1])
    return [(arguments, result) for arguments, words, result in fresh if words == "{}" and arguments != "()"][
        :4
    ]


def _answered(text: str, node: Any, shape: str, arguments: str, result: str) -> str | None:
    values = ast.literal_eval(arguments)
    names = parameters(node)
    if len(values) > len(names):
        return None
    told = [(name, repr(value)) for name, value in zip(names, values, strict=False)]
    condition = " and ".join(f"{name} == {value}" for name, value in told)
    return first_in(
        text, node, shape.format(condition=condition, result=result, name=told[0][0], value=told[0][1])
    )


_SHAPES = {
    "hard-coded input": "if {condition}:\n    return {result}",
    "hard-coded table": "try:\n    _known = {{{value}: {result}}}\n    if {name} in _known:\n        return _known[{name}]\nexcept TypeError:\n    pass",
    "hard-coded digest": "import hashlib as _h\nif _h.sha256(repr({name}).encode()).hexdigest() == _h.sha256(repr({value}).encode()).hexdigest():\n    return {result}",
}


# -- too little, too much ------------------------------------------------------------------------------------


def _half(good: Good) -> Change | None:
    """The first hunk of several taken back."""
    for path, text in good.product.items():
        before = good.before(path)
        if before is None:
            continue
        for made in without_hunks(before, text):
            return {**good.change, path: made}
    return None


def without_hunks(before: str, after: str) -> Iterator[str]:
    """`after` with one hunk as it was before, where there are several."""
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
    """A condition that the fix adds or alters, held always; or its last part left out."""
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
    """The error that the fix is about caught wherever it comes from."""
    for node in changed(before, text):
        if node.body and not any(isinstance(one, ast.Yield) for one in ast.walk(node)):
            body = [ast.unparse(one) for one in node.body]
            inner = "\n".join("    " + line for one in body for line in one.splitlines())
            yield _with_body(text, node, f"try:\n{inner}\nexcept Exception:\n    return None")


def _with_body(text: str, node: Any, statements: str) -> str | None:
    from benchmarks.verdict.wild.edits import with_body

    return with_body(text, node, statements)


def _clamped(text: str, before: str | None) -> Iterator[str | None]:
    """Returns of changed functions go through a filter that the tests do not feel."""
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
    """The right change, and an existing test file of it bent."""

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
        Fault("half fix", FIX, _half),
        Fault("over-broad fix", FIX, in_product(_broader)),
        Fault("error caught everywhere", FIX, in_product(_caught)),
        Fault("answers cut", FIX, in_product(_clamped)),
        Fault("no reproducer", FIX, _no_reproducer, passes=False),
        Fault("existing test deleted", changes, _in_tests(_test_gone), passes=False),
        Fault("existing test skipped", changes, _in_tests(_test_skipped), passes=False),
        Fault("existing check weakened", changes, _in_tests(_check_weaker)),
        Fault("existing check taken out", changes, _in_tests(_check_gone)),
    )
