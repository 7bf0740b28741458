"""Results of test runs: their types, and how they are read from the rig's output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nightcrew.execution.sandbox import WORKSPACE, Completed
from nightcrew.untrusted import read_json
from nightcrew.validation.rig.protocol import Row

_SLOW = 30.0  # CPU seconds of the tests that end, before a run that does not end in time
MOST_NUMBERS = 1_000_000  # lines of a file, or tests of a suite
_CALL = {"module", "name", "kept", "tests"}
FAILURES, GOOD = {"failed", "error"}, {"passed", "xpassed"}  # outcomes


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """The reported outcome of one test."""

    __test__ = False
    nodeid: str
    outcome: str
    kind: str  # kind of a failure: assertion or crash
    message: str
    seconds: float
    direct_calls: int = 0
    calls: int = 0
    work: int = 0  # number of calls, where they were counted
    touched: bool = False  # it received a wrong value from the target
    own_calls: int = 0  # calls into the repository's product
    given: int = 0  # a checksum of the product's arguments
    line: int = 0  # of a test file, in which it failed; 0: not known

    @property
    def failed(self) -> bool:
        """True for a failure in the test or around it."""
        return self.outcome in FAILURES


@dataclass(frozen=True, slots=True)
class Covered:
    """Lines of one file that ran while tests ran."""

    lines: frozenset[int] = frozenset()
    arcs: frozenset[tuple[int, int]] = frozenset()
    by_test: Mapping[str, frozenset[int]] = field(default_factory=dict)


class Frame(NamedTuple):
    """A place in the product that was running."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A power that the product used, by an audit event, and the call stack to it, innermost first."""

    power: str
    what: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call of the product, its arguments as opaque text, and the tests that made it."""

    module: str
    name: str
    kept: str
    tests: frozenset[str]
    marks: tuple[int | str, ...] = ()  # see `protocol.Call`


@dataclass(frozen=True, slots=True)
class Run:
    """One experiment: the tests' outcomes in order, and whether it finished."""

    tests: Mapping[str, TestOutcome] = field(default_factory=dict)
    done: bool = False
    timed_out: bool = False
    applied: int | None = None
    network: tuple[str, ...] = ()
    coverage: Mapping[str, Covered] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    dated: bool = True  # the date was the requested one
    fits: bool = True  # it could be tried in the requested way
    calls: tuple["RecordedCall", ...] = ()  # of the product, where they were recorded
    powers: tuple["Seen", ...] = ()  # that the product used until its end, its import included
    contacts: Mapping[str, frozenset[str]] | None = None  # tests by what they used, see `rig.audit`
    shared: Mapping[str, frozenset[int]] = field(default_factory=dict)  # lines that ran for several tests

    @property
    def failed(self) -> tuple[TestOutcome, ...]:
        """The tests that failed."""
        return tuple(test for test in self.tests.values() if test.failed)

    @property
    def passed(self) -> bool:
        """True where it finished without a failure."""
        return self.done and not self.failed

    @property
    def is_slow(self) -> bool:
        """True where the time ran out while test after test took some of it: none of them hangs."""
        return self.timed_out and sum(test.seconds for test in self.tests.values()) >= _SLOW

    @property
    def killed_by(self) -> str:
        """How a broken version was noticed: assertion, crash, timeout; empty where no test noticed it."""
        if any(test.kind == "assertion" for test in self.failed):
            return "assertion"
        if self.failed:
            return "crash"
        return "" if self.done else "timeout" if self.timed_out else "crash"


@dataclass(frozen=True, slots=True)
class Collected:
    """A test that pytest found."""

    nodeid: str
    path: str
    function: str


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What one session found and ran."""

    collected: tuple[Collected, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    runs: Mapping[str, Run] = field(default_factory=dict)
    network: tuple[str, ...] = ()
    imported_lines: frozenset[int] = frozenset()  # of the target
    imported: Mapping[str, frozenset[int]] = field(default_factory=dict)  # of the other measured files
    problem: str = ""  # empty where it finished
    timed_out: bool = False
    traces: tuple[str, ...] = ()  # repository files that tests changed, code that they replaced permanently

    def run(self, name: str) -> Run:
        """A run by name; a missing run counts as one that did not finish."""
        return self.runs.get(name, NO_RUN)


NO_RUN = Run()


def read_sessions(completed: Completed, expected: int) -> tuple[SessionResult, ...]:
    """The sessions of a run; a session without output counts as disrupted."""
    results = documents(completed)
    if len(results) != expected:
        ended = completed.killed_by or f"exit code {completed.returncode}"
        problem = f"the test run ended without a result ({ended})"
        lines = completed.stderr.decode(errors="replace").splitlines()
        if completed.killed_by is None and lines:
            problem += f": {lines[-1].strip()[:200]}"
        return (SessionResult(problem=problem, timed_out=completed.killed_by == "wall_time"),) * expected
    return tuple(map(session_result, results))


def documents(completed: Completed) -> list[dict[str, Any]]:
    """The rig's output, one document for each session; nothing where it cannot be parsed."""
    try:
        return list(read_json(completed.stdout)["sessions"])
    except (ValueError, KeyError, TypeError):
        return []


def session_result(document: Mapping[str, Any]) -> SessionResult:
    """The result of a session, from its document."""
    runs: dict[str, Run] = {}
    traces: set[str] = set()
    found: Mapping[str, Any] | None = None
    ended, crash, output = False, "", ""
    for line in document["reports"]:
        traces |= {str(one) for word in ("changed", "replaced") for one in line.get(word) or ()}
        if "collected" in line:
            found = line
        elif "experiment" in line:
            runs[line["experiment"]] = _run(line)
        elif "end" in line:
            ended, output = True, str(line.get("output", ""))
        elif "crash" in line:
            crash = str(line["crash"])
    problem = ""
    if document["timed_out"]:
        problem = "the test session did not end in time"
    elif not ended:
        problem = f"the test session ended before its end {crash}".strip()
    elif found is None:
        last = " ".join(output.split())[-400:]
        problem = f"pytest ended before it had collected any tests: {last}"
    found = found or {"collected": (), "errors": (), "network": ()}
    return SessionResult(
        collected=tuple(Collected(*map(str, one)) for one in found["collected"]),
        errors=tuple((str(one[0]), str(one[1])) for one in found["errors"]),
        runs=runs,
        network=tuple(map(str, found["network"])),
        imported_lines=frozenset(found.get("imported") or ()),
        imported=_lines(found.get("imported_beside") or {}),
        problem=problem,
        timed_out=bool(document["timed_out"]),
        traces=tuple(sorted(traces)),
    )


def _run(line: Mapping[str, Any]) -> Run:
    tests: dict[str, TestOutcome] = {}
    for one in (Row(*values) for values in line["tests"]):
        direct, calls, work, own, given = one.counts or (0, 0, 0, 0, 0)
        tests[one.nodeid] = TestOutcome(
            one.nodeid,
            one.outcome,
            one.kind,
            one.message,
            one.cpu_seconds,
            direct,
            calls,
            work,
            bool(one.touched),
            own,
            given,
            int(one.line),
        )
    prefix, contacts = len(WORKSPACE) + 1, line.get("contacts")
    names = ["", *(str(one[0]) for one in line["tests"])]
    coverage = {
        path[prefix:]: Covered(
            frozenset(covered["lines"]),
            frozenset((int(start), int(end)) for start, end in covered["arcs"]),
            {name: _numbers(lines) for name, lines in covered["tests"].items()},
        )
        for path, covered in (line.get("coverage") or {}).items()
    }
    return Run(
        tests,
        bool(line.get("done")),
        bool(line.get("timed_out")),
        line.get("applied"),
        tuple(line.get("network") or ()),
        coverage,
        float(line.get("cpu") or 0.0),
        float(line.get("wall") or 0.0),
        line.get("dated") is not False,
        not line.get("unfit"),
        tuple(_call(one) for one in line.get("calls") or () if set(one) >= _CALL),
        tuple(map(_seen, line.get("powers") or ())),
        None if contacts is None else {what: _named(text, names) for what, text in contacts.items()},
        _lines(line.get("shared") or {}),
    )


def _numbers(text: str) -> frozenset[int]:
    """The numbers that `protocol.spans` wrote.

    Raises:
        ValueError: it has another form, or holds more than a file has lines or a suite has tests.
    """
    spans = [list(map(int, one.split("-"))) for one in str(text).split()]
    if sum(one[-1] - one[0] for one in spans) > MOST_NUMBERS:
        raise ValueError("a span is too long")
    return frozenset(number for one in spans for number in range(one[0], one[-1] + 1))


def _named(text: str, names: Sequence[str]) -> frozenset[str]:
    return frozenset(names[one] for one in _numbers(text) if one < len(names))


def _lines(found: Mapping[str, Sequence[int]]) -> dict[str, frozenset[int]]:
    """Lines by path in the repository."""
    return {path.removeprefix(f"{WORKSPACE}/"): frozenset(map(int, lines)) for path, lines in found.items()}


def _call(found: Mapping[str, Any]) -> RecordedCall:
    tests = frozenset(map(str, found["tests"]))
    marks = tuple(one if isinstance(one, int) else str(one) for one in found["marks"])
    return RecordedCall(str(found["module"]), str(found["name"]), str(found["kept"]), tests, marks)


def _seen(values: Sequence[Any]) -> Seen:
    power, what, frames = values
    return Seen(str(power), str(what), tuple(Frame(str(path), int(line)) for path, line in frames))


@dataclass(frozen=True, slots=True)
class NewTests:
    """The tests that the patch adds, by nodeid, and their files."""

    items: tuple[Collected, ...]

    @property
    def nodeids(self) -> tuple[str, ...]:
        """In the order of collection."""
        return tuple(item.nodeid for item in self.items)

    @property
    def files(self) -> tuple[str, ...]:
        """Sorted paths."""
        return tuple(sorted({item.path for item in self.items}))
