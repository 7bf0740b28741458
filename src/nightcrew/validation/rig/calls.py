"""Calls of the product while tests run: function, arguments and test of each; and lines that calls run."""

import contextlib
import sys
import types
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from . import protocol
from .making import Makings
from .protocol import Call

MOST_CALLS, MOST_OF_ONE, MOST_BYTES = 400, 25, 8000
MARK, NUMBERS = "a text that the function knows", {"int", "float"}
MOST_TRIED = 400  # calls of one function whose arguments are read; they may be large
TOOL = 4  # an identifier that no kind of tool has reserved
STARTS_A_PROCESS = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
}


class Role(NamedTuple):
    """What a function of the product does: it makes objects, or the change edits it."""

    makes: bool
    changed: bool


class Recorder:
    """Notes calls from tests directly into the product, and calls of the functions that a change edits."""

    def __init__(self, job: protocol.Job, functions: "Mapping[str, Sequence[Sequence[int]]]") -> None:
        self.tests, self.root = set(job.test_files), job.workspace + "/"
        self.functions = functions  # first and last lines, by file
        # By the code's identity: a code's hash takes as long as its text. None: it is not of the product.
        self.roles: dict[int, Role | None] = {}
        self.codes: list[types.CodeType] = []  # held, so that no identity is used again
        self.inner: set[int] = set()  # functions of which only calls from tests are noted
        self.known: dict[tuple[str, str, str], Call] = {}
        self.counts: Counter[int] = Counter()
        self.tries: Counter[int] = Counter()
        self.kinds: dict[tuple[str, str, int | str], set[str]] = {}  # of values, by argument
        self.makings = Makings(self.root)
        self.nodeid = ""
        self.monitoring: Any = getattr(sys, "monitoring", None)
        if self.monitoring is not None:
            started = self.monitoring.events.PY_START
            if self.monitoring.get_tool(TOOL) is None:
                self.monitoring.use_tool_id(TOOL, "nightcrew")
            self.monitoring.register_callback(TOOL, started, self._started)
            self.monitoring.set_events(TOOL, started)
            self.monitoring.restart_events()

    def start(self, nodeid: str) -> None:
        """A test begins."""
        self.nodeid = nodeid
        if self.monitoring is None:
            sys.setprofile(self._called)

    def stop(self) -> None:
        """A test has ended."""
        self.nodeid = ""
        if self.monitoring is None:
            sys.setprofile(None)

    def _started(self, code: types.CodeType, _: int) -> object:
        """What the interpreter calls; it reports no function of which nothing more is noted."""
        frame = sys._getframe(1)
        if id(code) in self.inner and frame.f_back and frame.f_back.f_code.co_filename not in self.tests:
            return None  # nearly every call: this has to be fast
        if not self._is_wanted(code):
            return self.monitoring.DISABLE
        if self.nodeid:
            self._entered(frame)
        return None

    def _called(self, frame: types.FrameType, event: str, _: Any) -> None:
        """The same in Pythons before 3.12, which report every call of any function."""
        if event == "call" and self._is_wanted(frame.f_code):
            sys.setprofile(None)
            try:
                self._entered(frame)
            finally:
                sys.setprofile(self._called)

    def _is_wanted(self, code: types.CodeType) -> bool:
        """True where more calls of a function of the product may be noted."""
        if id(code) not in self.roles:
            self.codes.append(code)
            self.roles[id(code)] = self._role(code)
        role = self.roles[id(code)]
        if role is None:
            return False
        noted = role.makes and not self.makings.is_full
        if not role.changed and not noted:
            self.inner.add(id(code))
        return noted or not self._has_enough(code)

    def _has_enough(self, code: types.CodeType) -> bool:
        return self.counts[id(code)] >= MOST_OF_ONE or self.tries[id(code)] >= MOST_TRIED

    def _role(self, code: types.CodeType) -> "Role | None":
        path, makes = code.co_filename, code.co_name == "__init__"
        # Constructors that a decorator generates are in no file.
        if not (path.startswith(self.root) or (makes and path.startswith("<"))) or path in self.tests:
            return None
        spans = self.functions.get(path, ())
        return Role(makes, any(first <= code.co_firstlineno <= last for first, last in spans))

    def _entered(self, frame: types.FrameType) -> None:
        role = self.roles[id(frame.f_code)]
        from_test = frame.f_back is not None and frame.f_back.f_code.co_filename in self.tests
        if role is not None and (role.makes or role.changed or from_test):
            with contextlib.suppress(Exception):  # an object that cannot be kept is left out
                self._note(frame, role.makes, role.changed or from_test)

    def _note(self, frame: types.FrameType, makes: bool, wanted: bool) -> None:
        given, words = _arguments(frame)
        if makes:
            self.makings.note(given[0], given[1:], words)
        name, code = _qualified(frame, given), frame.f_code
        if not wanted or "<" in name or self._has_enough(code):
            return
        self.tries[id(code)] += 1
        module = type(given[0]).__module__ if makes else frame.f_globals.get("__name__", "")
        for place, value in _places(given[1:] if makes else given, words):
            kinds = self.kinds.setdefault((module, name, place), set())
            is_mark = type(value) is str and value in _texts(code.co_consts)
            kinds.add(MARK if is_mark else type(value).__name__)
        kept = self.makings.keep(given[1:] if makes else given, words)
        if len(kept) > MOST_BYTES:
            return
        key = module, name, kept
        if key not in self.known and len(self.known) < MOST_CALLS:
            self.counts[id(code)] += 1
            self.known[key] = {"module": module, "name": name, "kept": kept, "tests": [], "marks": []}
        if key in self.known and self.nodeid not in self.known[key]["tests"]:
            self.known[key]["tests"].append(self.nodeid)
        if not makes and given and not _is_inside(frame, given[0]):
            self.makings.later(given[0], [module, name, self.makings.keep(given[1:], words)])

    def end(self) -> "list[Call]":
        """Every distinct call, in the order of first occurrence; nothing is noted any more."""
        if self.monitoring is not None:
            self.monitoring.set_events(TOOL, 0)
        for (module, name, place), kinds in self.kinds.items():
            if MARK in kinds and kinds & NUMBERS and "str" not in kinds:
                for call in self.known.values():
                    if (call["module"], call["name"]) == (module, name):
                        call["marks"].append(place)
        return list(self.known.values())


# ---------------------------------------------------------------------------------------------------------


class Entered:
    """Whether the code that runs enters some functions: what does not is the same whatever they do.

    `functions`: first and last lines, by file. Without any, and in Pythons before 3.12, all code counts.
    Another process may enter them unseen, and what an import computed with them stays in its module.
    """

    def __init__(self, functions: "Mapping[str, Sequence[Sequence[int]]]", root: str) -> None:
        self.functions, self.root = functions, root
        self.monitoring: Any = getattr(sys, "monitoring", None)
        self.by_all = self.now = not functions or self.monitoring is None
        self.modules = len(sys.modules)
        if functions and self.monitoring is not None:
            started = self.monitoring.events.PY_START
            self.monitoring.use_tool_id(TOOL, "nightcrew")
            self.monitoring.register_callback(TOOL, started, self._started)
            self.monitoring.set_events(TOOL, started)
            sys.addaudithook(self._heard)

    def start(self) -> None:
        """What runs from now on counts."""
        self.end()
        self.now, self.modules = self.by_all, len(sys.modules)

    def end(self) -> bool:
        """True where one of the functions may have run since the start."""
        if self.now and not self.by_all and len(sys.modules) > self.modules:
            fresh = list(sys.modules.values())[self.modules :]
            self.by_all = any(str(getattr(one, "__file__", "")).startswith(self.root) for one in fresh)
        return self.now

    def _started(self, code: types.CodeType, _: int) -> object:
        spans = self.functions.get(code.co_filename, ())
        if not any(first <= code.co_firstlineno <= last for first, last in spans):
            return self.monitoring.DISABLE
        self.now = True
        return None

    def _heard(self, event: str, _: object) -> None:
        if event in STARTS_A_PROCESS:
            self.now = True


class Lines:
    """Notes the lines of some files that run while it is active."""

    def __init__(self, files: "Sequence[str]") -> None:
        self.held: dict[str, set[int]] = {path: set() for path in files}
        self.fresh: set[tuple[str, int]] = set()

    def __enter__(self) -> None:
        self.fresh = set()
        if self.held:
            sys.settrace(self._called)

    def __exit__(self, *_: object) -> None:
        if self.held:
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


def _places(given: "list[Any]", words: "dict[str, Any]") -> "Iterator[tuple[int | str, Any]]":
    yield from enumerate(given)
    yield from words.items()


def _texts(constants: "Iterable[Any]") -> "set[str]":
    """The texts that a function's code holds itself: it compares with them."""
    found: set[str] = set()
    for one in constants:
        found |= _texts(one) if isinstance(one, (tuple, frozenset)) else {one} if type(one) is str else set()
    return found


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
