"""Calls of the product while tests run: function, arguments and test of each; and lines that calls run."""

import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

from . import protocol
from .making import Makings

MOST_CALLS, MOST_OF_ONE, MOST_BYTES = 400, 25, 8000
MOST_LOOKS = 200
"""A function that one test calls more often is not looked at again in that test: some run in loops."""
_FOREIGN, _PLAIN, _MAKING, _CHANGED = "foreign", "plain", "making", "changed"
"""Code of others; of the product, looked at where a test calls it; a constructor, always; edited, always."""


class Recorder:
    """Notes calls from tests directly into the product, and calls of the functions that a change edits."""

    def __init__(self, job: protocol.Job, functions: "Mapping[str, Sequence[Sequence[int]]]") -> None:
        self.tests, self.root = set(job.test_files), job.workspace + "/"
        self.functions = functions  # first and last lines, by file
        self.known: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.counts: dict[types.CodeType, int] = {}
        self.looks: dict[types.CodeType, int] = {}
        self.kinds: dict[types.CodeType, str] = {}
        self.is_noting = False
        self.makings = Makings(self.root)
        self.nodeid = ""

    def start(self, nodeid: str) -> None:
        """A test begins."""
        self.nodeid = nodeid
        self.looks.clear()
        sys.setprofile(self._called)

    def stop(self) -> None:
        """A test has ended."""
        sys.setprofile(None)

    def _called(self, frame: types.FrameType, event: str, _: Any) -> None:
        if event != "call" or self.is_noting:
            return
        code = frame.f_code
        kind = self.kinds.get(code)
        if kind is None:
            kind = self.kinds[code] = self._kind(code)
        if kind == _FOREIGN or self.looks.get(code, 0) >= MOST_LOOKS:
            return
        from_test = frame.f_back is not None and frame.f_back.f_code.co_filename in self.tests
        if kind == _PLAIN and not from_test:
            return
        self.looks[code] = self.looks.get(code, 0) + 1
        self.is_noting = True
        try:
            self._note(frame, code.co_name == "__init__", kind == _CHANGED or from_test)
        except Exception:  # noqa: S110 - an object that cannot be kept is left out
            pass
        finally:
            self.is_noting = False

    def _kind(self, code: types.CodeType) -> str:
        path, makes = code.co_filename, code.co_name == "__init__"
        # Constructors that a decorator generates are in no file.
        if not (path.startswith(self.root) or (makes and path.startswith("<"))) or path in self.tests:
            return _FOREIGN
        if any(first <= code.co_firstlineno <= last for first, last in self.functions.get(path, ())):
            return _CHANGED
        return _MAKING if makes else _PLAIN

    def _note(self, frame: types.FrameType, makes: bool, wanted: bool) -> None:
        given, words = _arguments(frame)
        if makes:
            self.makings.note(given[0], given[1:], words)
        name, code = _qualified(frame, given), frame.f_code
        if not wanted or "<" in name or self.counts.get(code, 0) >= MOST_OF_ONE:
            return
        module = type(given[0]).__module__ if makes else frame.f_globals.get("__name__", "")
        kept = self.makings.keep(given[1:] if makes else given, words)
        if len(kept) > MOST_BYTES:
            return
        key = module, name, kept
        if key not in self.known and len(self.known) < MOST_CALLS:
            self.counts[code] = self.counts.get(code, 0) + 1
            self.known[key] = {"module": module, "name": name, "kept": kept, "tests": []}
        if key in self.known and self.nodeid not in self.known[key]["tests"]:
            self.known[key]["tests"].append(self.nodeid)
        if not makes and given and not _is_inside(frame, given[0]):
            self.makings.later(given[0], [module, name, self.makings.keep(given[1:], words)])

    def end(self) -> "list[dict[str, Any]]":
        """Every distinct call, in the order of first occurrence."""
        return list(self.known.values())


# ---------------------------------------------------------------------------------------------------------


class Lines:
    """Notes the lines of some files that run while it is active."""

    def __init__(self, files: "Sequence[str]") -> None:
        self.held: dict[str, set[int]] = {path: set() for path in files}

    def __enter__(self) -> None:
        self.fresh: set[tuple[str, int]] = set()
        sys.settrace(self._called)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def count(self) -> None:
        """Counts the lines that ran since the last start."""
        for path, line in self.fresh:
            self.held[path].add(line)

    def _called(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        del event, argument
        path = frame.f_code.co_filename
        if path not in self.held:
            return None

        def line(frame: types.FrameType, event: str, argument: Any) -> Any:
            del event, argument
            self.fresh.add((path, frame.f_lineno))
            return line

        return line


def _arguments(frame: types.FrameType) -> "tuple[list[Any], dict[str, Any]]":
    code, held = frame.f_code, frame.f_locals
    count, names = code.co_argcount, code.co_varnames
    given = [held[one] for one in names[:count]]
    words = {one: held[one] for one in names[count : count + code.co_kwonlyargcount]}
    at = count + code.co_kwonlyargcount
    if code.co_flags & 4:  # *args
        given += held[names[at]]
        at += 1
    if code.co_flags & 8:  # **kwargs
        words.update(held[names[at]])
    return given, words


def _qualified(frame: types.FrameType, given: "list[Any]") -> str:
    """`Class.method`, the name by which the module reaches it."""
    code = frame.f_code
    if code.co_name == "__init__":
        return f"{type(given[0]).__qualname__}.__init__"
    if hasattr(code, "co_qualname"):
        return str(code.co_qualname)
    kind = given[0] if given and isinstance(given[0], type) else type(given[0] if given else None)
    for one in kind.__mro__:
        if getattr(vars(one).get(code.co_name), "__code__", None) is code:
            return f"{one.__qualname__}.{code.co_name}"
    return code.co_name


def _is_inside(frame: types.FrameType, made: object) -> bool:
    """True where an object's own method makes the call: repeating the outer call repeats this one too."""
    caller = frame.f_back
    while caller is not None:
        names = caller.f_code.co_varnames
        if caller.f_code.co_argcount and caller.f_locals.get(names[0]) is made:
            return True
        caller = caller.f_back
    return False
