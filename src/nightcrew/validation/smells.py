"""Smells of new tests: what a reviewer would frown at; reported, and decisive only for copied
implementations."""

import ast
import copy
from collections.abc import Iterable

from nightcrew.validation.clean_room import CleanRoom
from nightcrew.validation.paths import is_test
from nightcrew.validation.suite import Function, TestFunction, all_functions, parse, read_tests
from nightcrew.validation.variants import rename_locals

_LEAST_NODES = 45


def new_test_functions(room: CleanRoom) -> tuple[TestFunction, ...]:
    """Tests in changed test files that base does not have in the same words."""
    found: list[TestFunction] = []
    for change in room.changes:
        if change.after is None or not change.path.endswith(".py") or not is_test(change.path):
            continue
        tree, old = parse(change.after), parse(change.before or "")
        if tree is None:
            continue
        known = {name: ast.dump(node) for name, node in all_functions(old).items()} if old is not None else {}
        found += [test for test in read_tests(tree) if known.get(test.name) != ast.dump(test.node)]
    return tuple(found)


def describe_smells(tests: Iterable[TestFunction]) -> list[str]:
    """One line per smell and test."""
    lines: list[str] = []
    for test in tests:
        if test.checks == 0:
            lines.append(f"{test.name}: no assertion that can fail")
        elif test.weak_checks == test.checks:
            lines.append(f"{test.name}: checks types, None or truth only")
        lines += [f"{test.name}: cannot fail: {one}" for one in test.empty_checks[:2]]
        if test.sleeps:
            lines.append(f"{test.name}: sleeps")
        if test.conditional:
            lines.append(f"{test.name}: has a condition")
    return lines[:40]


def copies_of_implementation(room: CleanRoom) -> str:
    """The first function in the new tests that is a function of the target, whatever its names."""
    target = room.target
    tree = parse(room.source(target) or "") if target else None
    if tree is None:
        return ""
    originals = {
        _shape(node): name for name, node in all_functions(tree).items() if _size(node) >= _LEAST_NODES
    }
    for change in room.changes:
        if change.after is None or not is_test(change.path) or not change.path.endswith(".py"):
            continue
        module = parse(change.after)
        for name, node in (all_functions(module) if module is not None else {}).items():
            original = originals.get(_shape(node)) if _size(node) >= _LEAST_NODES else None
            if original is not None:
                return f"{name} in {change.path} is {original}"
    return ""


def _size(node: Function) -> int:
    return sum(1 for part in node.body for _ in ast.walk(part))


def _shape(node: Function) -> str:
    """A function without its name, docstring, annotations and names of locals."""
    plain = copy.deepcopy(node)
    if ast.get_docstring(plain, clean=False) is not None:
        plain.body = plain.body[1:]
    names: dict[str, str] = {}
    for argument in ast.walk(plain.args):
        if isinstance(argument, ast.arg):
            names[argument.arg] = f"argument_{len(names)}"
    rename_locals(plain)
    for part in plain.body:
        for one in ast.walk(part):
            if isinstance(one, ast.Name) and one.id in names:
                one.id = names[one.id]
    return "".join(ast.dump(part) for part in plain.body)
