"""Marks of tests for what a machine may lack: a network, a service, a browser."""

import ast
import re
from collections.abc import Callable, Iterable, Mapping

from nightcrew.validation.reading.suite import read
from nightcrew.validation.running.run_results import Collected

_MARK = re.compile(r"(?:pytest\.)?mark\.(\w+)")
_OF_PYTEST = {"parametrize", "skip", "skipif", "xfail", "usefixtures", "filterwarnings", "asyncio", "anyio"}


def marks_in(text: str) -> dict[str, frozenset[str]]:
    """A file's own marks of each test by `TestX::test_y`, also those of its class, without pytest's."""
    found: dict[str, frozenset[str]] = {}
    _note(read(text), "", frozenset(), found)
    return found


def marks_without_passing_test(
    tests: Iterable[Collected], outcomes: Mapping[str, str], text_of: Callable[[str], str]
) -> frozenset[str]:
    """Marks under which none of these tests passes, by their outcomes; `text_of` gives a file's text."""
    files: dict[str, dict[str, frozenset[str]]] = {}
    passing, others = set[str](), set[str]()
    for one in tests:
        if one.path not in files:
            files[one.path] = marks_in(text_of(one.path))
        passes = outcomes.get(one.nodeid) in {"passed", "xpassed"}
        (passing if passes else others).update(files[one.path].get(one.function, ()))
    return frozenset(others - passing)


# ---------------------------------------------------------------------------------------------------------


def _note(
    node: ast.Module | ast.ClassDef, prefix: str, outer: frozenset[str], found: dict[str, frozenset[str]]
) -> None:
    for one in node.body:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            marks = (_MARK.match(ast.unparse(decorator)) for decorator in one.decorator_list)
            own = outer | {mark[1] for mark in marks if mark} - _OF_PYTEST
            if isinstance(one, ast.ClassDef):
                _note(one, f"{prefix}{one.name}::", own, found)
            else:
                found[prefix + one.name] = own
