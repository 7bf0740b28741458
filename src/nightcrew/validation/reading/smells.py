"""New tests that a reviewer would refuse: copies of the implementation, checks of chance or speed, sleeps."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath

from nightcrew.validation.reading.checks import TestFunction, read_tests
from nightcrew.validation.reading.constants import texts_in
from nightcrew.validation.reading.names import called
from nightcrew.validation.reading.same_code import normal_form, simple_statements
from nightcrew.validation.reading.suite import (
    Function,
    all_functions,
    copied,
    parse,
    read,
    tests_in,
    tree_text,
    walk,
)
from nightcrew.validation.reading.variants import functions
from nightcrew.validation.running.clean_room import CleanRoom

_LEAST_NODES = 45
_BY_CHANCE = {"id", "hash", "__hash__", "getpid", "getppid", "get_ident", "get_native_id"}
_CLOCKS = {"perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time", "thread_time"}
_LEAST_STATEMENTS, _ALIKE = 6, 0.8
_MOST_SLEPT = 20.0  # seconds, in all new tests together


def new_test_functions(room: CleanRoom) -> tuple[TestFunction, ...]:
    """Tests in changed test files that base does not have with the same text."""
    return room.once(_new_test_functions)


def _new_test_functions(room: CleanRoom) -> tuple[TestFunction, ...]:
    found: list[TestFunction] = []
    for change in room.changes:
        if change.after is None or not _holds_tests(change.path) or not room.is_test(change.path):
            continue
        tree, old = read(change.after), read(change.before)
        known = {name: tree_text(node) for name, node in all_functions(old).items()}
        # An edited test counts as new: what it checks now was not in base.
        new = {name for name, node in tests_in(tree).items() if known.get(name) != tree_text(node)}
        found += read_tests(tree, _helpers(room, change.path, tree), only=new)
    return tuple(found)


def _holds_tests(path: str) -> bool:
    """True for a file name in which runners look for tests; other test files hold cases and helpers."""
    pure = PurePosixPath(path)
    return pure.suffix == ".py" and re.match(r"(?i)test|.*(tests?|spec)$", pure.stem) is not None


def unsteady_check(room: CleanRoom) -> str:
    """The first check in the new tests about something that differs from run to run; empty if none."""
    for test in new_test_functions(room):
        clocks = _clock_names(test.node)
        for node in walk(test.node):
            if isinstance(node, ast.Assert):
                what = _of_chance(node.test) or _of_speed(node.test, clocks)
                if what:
                    return f"{test.name} checks {what}: {ast.unparse(node)[:100]!r}"
    return ""


def long_sleep(room: CleanRoom) -> str:
    """How long the new tests sleep, as far as their text shows; empty where that is not long."""
    calls = (node for test in new_test_functions(room) for node in walk(test.node))
    named = (node for node in calls if isinstance(node, ast.Call) and called(node) == "sleep" and node.args)
    # A computed time is not known without running the test; the time limit of the run ends it.
    values = (node.args[0].value for node in named if isinstance(node.args[0], ast.Constant))
    seconds = sum(value for value in values if isinstance(value, int | float))
    return f"The new tests sleep for {seconds:.0f} seconds" if seconds > _MOST_SLEPT else ""


def _helpers(room: CleanRoom, path: str, tree: ast.Module) -> dict[str, Function]:
    """Functions and methods of the test files that a test file imports from, directly or indirectly."""
    found: dict[str, Function] = {}
    waiting, seen = [(path, tree)], {path}
    while waiting:
        for other in _imported_files(room, *waiting.pop()):
            text = room.source(other) if other not in seen and room.is_test(other) else None
            seen.add(other)
            inner = parse(text) if text is not None else None
            if inner is not None:
                # Names found first win, as an import nearer to the test hides one further away.
                found |= {name.split(".")[-1]: node for name, node in all_functions(inner).items()} | found
                waiting.append((other, inner))
    return found


def _imported_files(room: CleanRoom, path: str, tree: ast.Module) -> Iterator[str]:
    """Possible paths of the modules that a file imports names from."""
    for node in walk(tree):
        if isinstance(node, ast.ImportFrom):
            # The import path is not known here, so every folder above the file may be its root.
            above = PurePosixPath(path).parents
            folders = [above[node.level - 1]] if 0 < node.level <= len(above) else list(above)
            module = (node.module or "").replace(".", "/")
            places = [f"{module}.py", f"{module}/__init__.py"] if module else []
            places += [f"{module}/{one.name}.py".lstrip("/") for one in node.names]
            yield from ((folder / place).as_posix() for folder in folders for place in places)


def _of_chance(test: ast.expr) -> str:
    """True for arithmetic with an object's address, a string's hash, or a process id."""
    for node in walk(test):
        # `id(a) == id(b)` is a sound check of identity; only its digits are chance.
        split = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.BitAnd)
        left = node.left if split and isinstance(node, ast.BinOp) else None
        if isinstance(left, ast.Call) and called(left) in _BY_CHANCE:
            return f"what {called(left)}() happens to give"
    return ""


def _of_speed(test: ast.expr, clocks: set[str]) -> str:
    """A measured time that must be shorter than a second, which a busy machine does not keep."""
    if not (
        isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Lt | ast.LtE)
    ):
        return ""
    limit = test.comparators[0]
    # A generous limit, of a second and more, catches a test that hangs and is left alone.
    short = isinstance(limit, ast.Constant) and isinstance(limit.value, float | int) and limit.value < 1
    taken = {called(one) if isinstance(one, ast.Call) else getattr(one, "id", "") for one in walk(test.left)}
    return "how fast the machine is" if short and taken & (_CLOCKS | clocks) else ""


def _clock_names(node: Function) -> set[str]:
    """Names of variables that hold a clock's reading."""
    return {
        one.targets[0].id
        for one in walk(node)
        if isinstance(one, ast.Assign)
        and isinstance(one.targets[0], ast.Name)
        and any(isinstance(part, ast.Call) and called(part) in _CLOCKS for part in walk(one.value))
    }


def copies_of_implementation(room: CleanRoom) -> str:
    """The first function in the new tests that equals a function of the target, with names ignored; empty
    where there is none."""
    fresh = list(_fresh_functions(room))
    tree = read(room.source(room.target) if room.target and fresh else "")
    originals = {
        name: (normal_form(node, arguments=True), simple_statements(_plain(node).body))
        for name, node in all_functions(tree).items()
        if _is_large(node)
    }
    for path, node in fresh:
        form, statements = normal_form(node, arguments=True), simple_statements(_plain(node).body)
        for name, (original, theirs) in originals.items():
            # A copy with lines in another order, or without some, is a copy too: statements are a set here.
            if form == original or _is_within(statements, theirs):
                return f"The tests hold a copy of the implementation ({node.name} in {path} is {name})"
    return ""


def _fresh_functions(room: CleanRoom) -> Iterator[tuple[str, Function]]:
    """Functions of test files that base does not have, with their file."""
    for change in room.changes:
        if change.after is None or not room.is_test(change.path) or not change.path.endswith(".py"):
            continue
        known = set(map(tree_text, _all_functions(change.before or "")))
        yield from ((change.path, one) for one in _all_functions(change.after) if tree_text(one) not in known)


def _all_functions(text: str) -> list[Function]:
    """Every function of a module, also inner ones and those in strings of code."""
    tree = read(text)
    trees: list[ast.AST] = [tree]
    # A copy hidden in a text for `exec` is still one.
    trees += [one for _, text in texts_in(tree) if "def " in text and (one := parse(text)) is not None]
    return [node for one in trees for node in functions(one) if _is_large(node)]


def _is_within(one: Counter[str], other: Counter[str]) -> bool:
    """True where nearly all that a function says is in the other one; short statements say little."""
    size, shared = (sum(len(text) * count for text, count in some.items()) for some in (one, one & other))
    return one.total() >= _LEAST_STATEMENTS and shared >= _ALIKE * size


def _plain(node: Function) -> Function:
    """The function with a name in the place of each attribute that it only reads, as if it had been taken out
    before."""
    plain = copied(node)
    called_ones = {id(one.func) for one in walk(plain) if isinstance(one, ast.Call)}
    for holder in list(walk(plain)):
        for name, held in ast.iter_fields(holder):
            if isinstance(held, ast.Attribute) and id(held) not in called_ones:
                setattr(holder, name, ast.Name("_", held.ctx))
            elif isinstance(held, list):
                held[:] = [ast.Name("_", one.ctx) if isinstance(one, ast.Attribute) else one for one in held]
    return plain


def _is_large(node: Function) -> bool:
    parts = (one for part in node.body for one in walk(part))
    return next(islice(parts, _LEAST_NODES - 1, None), None) is not None
