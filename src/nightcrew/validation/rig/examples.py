"""The examples of a docstring, run as a reader would run them.

Doctest decides whether a docstring is a test; a reader wants to know whether it is true. So the package's own
names are defined, an example that needs something missing decides nothing, and an example is wrong where its
output differs twice from the one shown: also with other random numbers and on another day.
"""

import ast
import builtins
import contextlib
import doctest
import importlib
import re
import symtable
import sys
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from . import protocol, world
from .supervise import Reporter, supervise

SECONDS = 10.0  # limit for one docstring
ANOTHER_DAY = 400.0
LENIENT = (
    doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
)  # as Sphinx defines it
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")


class ExampleIsWrong(AssertionError):
    """The example's output differs from the one shown."""


class SkippedIsWrong(AssertionError):
    """An example that test runners skip gives another output than the one shown."""


class CallsWhatIsNotThere(AssertionError):
    """The example calls names that the package does not have; the message lists them, separated by spaces."""


def prepare(item: pytest.Item, job: protocol.Job, module: str) -> None:
    """Replaces doctest's judgement of a docstring by this one; `module` is its module's full name."""
    if hasattr(item, "dtest") and hasattr(item, "runner"):
        # Runners skip these, so nobody would notice that they are wrong; here they are tried and only
        # doubted.
        skipped = {index for index, one in enumerate(item.dtest.examples) if one.options.pop(doctest.SKIP, 0)}
        item.runner = Examples(item.runner, job, module, skipped)


class Examples(doctest.DocTestRunner):
    """Runs a docstring's examples in child processes."""

    def __init__(self, own: Any, job: protocol.Job, module: str, skipped: "set[int]") -> None:
        super().__init__(checker=Checker(own._checker), verbose=False, optionflags=own.optionflags | LENIENT)
        self.job, self.module, self.skipped = job, module, skipped
        self.found: dict[str, list[Any]] = {}
        self.tainted: set[str] = set()

    def run(self, test: doctest.DocTest, *_: Any, **__: Any) -> Any:
        """Raises the error to report for the docstring; a skip means that some examples could not be run."""
        first = self._tried(test, 0, None)
        # An example of a date or a random number differs by nature: only what is wrong on two days counts.
        if first["wrong"] or first["doubtful"]:
            again = self._tried(test, 1, ANOTHER_DAY)
            for kind in ("wrong", "doubtful"):
                first[kind] = [one for one in first[kind] if one in again[kind]]
        for kind, error in (("wrong", ExampleIsWrong), ("doubtful", SkippedIsWrong)):
            if first[kind]:
                raise error(first[kind][0][1])
        if first["calls"]:
            raise CallsWhatIsNotThere(" ".join(sorted(set(first["calls"]))))
        if first["untried"]:
            pytest.skip(f"not all of it could be tried: {first['untried'][0]}")
        return doctest.TestResults(0, len(test.examples))

    def _tried(self, test: doctest.DocTest, seed: int, days: "float | None") -> "dict[str, list[Any]]":
        ended = supervise(partial(self._try, test, seed, days), SECONDS)
        found = nothing_found()
        for line in ended["reports"]:
            found.update({name: line[name] for name in found if name in line})
        if ended["timed_out"]:
            found["untried"].append("it does not come to an end")
        # Each finished child reports; none means that the example ended the process.
        elif not any("untried" in line for line in ended["reports"]):
            found["wrong"].append([0, "the examples end the process"])
        return found

    def _try(self, test: doctest.DocTest, seed: int, days: "float | None", report: Reporter) -> None:
        world.seed_everything(seed)
        self.found, self.tainted = nothing_found(), set()
        self.given = set(test.globs)
        with world.other_date(days, self.job.clock):
            provide(test, self.module)
            super().run(test, out=lambda _: None, clear_globs=False)
        report(self.found)

    def report_start(self, *_: Any) -> None:
        """Nothing is printed."""

    def report_success(self, *_: Any) -> None:
        """Nothing is printed."""

    def report_failure(self, out: Any, test: doctest.DocTest, example: doctest.Example, got: str) -> None:
        """Notes an example whose output differs; an example that shows no output claims nothing."""
        if example.want or "Traceback (most recent call last)" in got:
            self._note(test, example, got.strip().split("\n")[-1] if example.exc_msg else got.strip(), None)

    def report_unexpected_exception(
        self, out: Any, test: doctest.DocTest, example: doctest.Example, exc_info: Any
    ) -> None:
        """Notes an example that raises an error it does not show."""
        error = exc_info[1]
        self._note(test, example, f"{type(error).__name__}: {error}", error)

    def _note(
        self, test: doctest.DocTest, example: doctest.Example, message: str, error: "BaseException | None"
    ) -> None:
        # Examples build on each other: after one that cannot run here, those that use its names prove
        # nothing.
        loads, binds, calls = names_of(example.source)
        missing = {name for name in loads if name not in test.globs and not hasattr(builtins, name)}
        here = loads | binds
        reason = f"{sorted(missing)[0]} is not there" if missing else _cannot_run(error, self.module)
        if reason or here & self.tainted:
            self.found["calls"] += sorted(missing & calls - self.tainted)
            self.found["untried"].append(reason or "what it goes on from could not be tried")
            self.tainted |= binds | missing | (here - self.given)
            return
        shown = " ".join(example.want.split())[-120:]
        got = " ".join(_ADDRESS.sub("0x", message).split())[:120]
        source = " ".join(example.source.split())[:120]
        index = test.examples.index(example)
        kind = "doubtful" if index in self.skipped else "wrong"
        self.found[kind].append([index, f">>> {source} gives {got}, not {shown}"])


def nothing_found() -> "dict[str, list[Any]]":
    """Wrong examples, wrong ones that runners skip, calls of what is not there, and what cannot be tried."""
    return {"wrong": [], "doubtful": [], "calls": [], "untried": []}


class Checker(doctest.OutputChecker):
    """Also treats as equal: a value in another order or layout, objects at other addresses, and an object's
    text with quotes or without."""

    def __init__(self, own: doctest.OutputChecker) -> None:
        self.own = own

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """True where the output is the one shown."""
        if self.own.check_output(want, got, optionflags):
            return True
        first, second = _literal(want), _literal(got)
        # A literal is compared by value, since a set or a dict may be shown in any order.
        if first is not None or second is not None:
            return type(first) is type(second) and bool(first == second)
        return bool(self.own.check_output(_plain(want), _plain(got), optionflags))


def _literal(text: str) -> Any:
    with contextlib.suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ast.literal_eval(text.strip())
    return None


def _plain(text: str) -> str:
    return _ADDRESS.sub("0x", text).replace("'", "").replace('"', "")


def _cannot_run(error: "BaseException | None", module: str) -> str:
    """Why an error does not show a wrong example: a file, a host or another package is missing here."""
    own = module.split(".")[0]
    while error is not None:
        if isinstance(error, ImportError) and (error.name or own).split(".")[0] != own:
            return f"{error.name} is not installed"
        # Examples name files and hosts of the author's machine.
        if isinstance(error, OSError):
            return f"{type(error).__name__}: {error}"[:120]
        if isinstance(error, SyntaxError) and "await" in str(error):
            return "it waits outside of a function"
        error = error.__cause__ or error.__context__
    return ""


def names_of(source: str) -> "tuple[set[str], set[str], set[str]]":
    """Global names that an example reads, binds, and calls as functions or classes."""
    try:
        tree = ast.parse(source)
        table = symtable.symtable(source, "<example>", "exec")
    except (SyntaxError, ValueError):
        return set(), set(), set()
    binds = {one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()}
    loads = {one.get_name() for one in table.get_symbols() if one.is_referenced()} - binds
    inner = list(table.get_children())
    while inner:
        one = inner.pop()
        loads |= {name.get_name() for name in one.get_symbols() if name.is_global()} - binds
        inner += one.get_children()
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return loads, binds, {name for name in loads if name in called or name[:1].isupper()}


def provide(test: doctest.DocTest, module: str) -> None:
    """Defines for the docstring the names of its package that it uses without importing them."""
    wanted: set[str] = set()
    for example in test.examples:
        wanted |= names_of(example.source)[0]
    for name in sorted(wanted):
        if name not in test.globs and not hasattr(builtins, name):
            found = _found(name, module)
            if found is not None:
                test.globs[name] = found[0]


def _found(name: str, module: str) -> "tuple[Any] | None":
    """What the name means to a reader who has imported the package."""
    parts = module.split(".")
    packages = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    if name == parts[0]:
        return (_imported(name),)
    for package in packages:
        held = _imported(package)
        if held is not None and hasattr(held, name):
            return (getattr(held, name),)
        below = _imported(f"{package}.{name}")
        if below is not None:
            return (below,)
    if name in getattr(sys, "stdlib_module_names", ()):
        return (_imported(name),)
    loaded = (sys.modules[key] for key in sorted(sys.modules) if key.startswith(f"{parts[0]}."))
    holders = (one for one in loaded if isinstance(one, ModuleType) and name in vars(one))
    return next(((vars(one)[name],) for one in holders), None)


def _imported(name: str) -> Any:
    with contextlib.suppress(Exception):
        return importlib.import_module(name)
    return None
