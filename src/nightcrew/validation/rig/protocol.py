"""What the trusted side and the rig write to each other, as JSON: jobs, and the reports on them.

It uses only the standard library and syntax of old Pythons, because the rig runs in the target's environment.
The trusted side converts each value of a report in `running.run_results`, since code under test can write it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, NamedTuple, TypedDict

ENDS = "it ends the process of the tests"  # the message of a test that does
PROGRAM = "a program"  # what a test uses that starts another one, beside the paths that it reads


# -- jobs ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variant:
    """Another version of the target: edits [start, end, text] of its file, or a whole new text."""

    edits: "Sequence[Sequence[Any]]" = ()
    source: "str | None" = None
    adjusting: str = ""  # the function of `perturb` that it calls, with an underscore before


@dataclass(frozen=True)
class Experiment:
    """Some collected tests, in one order and one world, in a process of their own."""

    id: str
    seconds: float = 60.0  # of wall time
    # which tests
    items: "Sequence[str] | None" = None  # None: all but `exclude`
    exclude: "Sequence[str]" = ()
    own: "Sequence[str]" = ()  # files whose tests go first
    order: "str | int | None" = None  # reversed, alone (each function by itself), or the seed of a shuffle
    limit: int = 0  # functions that run alone
    # -- when it is left out, or ends early
    optional: bool = False  # where it would take too much work
    if_chance: bool = False  # left out unless an earlier one drew random numbers
    decisive: bool = False  # the other experiments are left out where this one does not end
    stop: int = 0  # crashes after which it stops; 0: all tests run
    past_ends: int = 0  # tests that may end the process: each fails, and the others run again without it
    cpu_seconds: float = 0.0  # after which the process ends; 0: no limit
    # the world
    seed: int = 0
    strata: "int | None" = None
    days: "float | None" = None
    zone: str = ""
    # what is measured
    cover: bool = False
    watch_powers: bool = False
    aim: bool = False
    watch_code: bool = False
    watch_chance: bool = False
    failures_only: bool = False
    record: "Mapping[str, Sequence[Sequence[int]]] | None" = None  # calls; lines of changed functions by file
    # what differs in the product
    variant: "Variant | None" = None
    replace: "Mapping[str, str]" = field(default_factory=dict)  # texts of files, from their import on
    trials: "Sequence[Experiment]" = ()  # one after the other in few processes
    examples_of: str = ""  # the module whose docstring examples are judged


@dataclass(frozen=True)
class Session:
    """A pytest session: what it collects once, and the experiments on it."""

    args: "Sequence[str]"
    experiments: "Sequence[Experiment]" = ()
    early: "Sequence[Experiment]" = ()  # before anything is collected
    seconds: float = 600.0
    work: int = 0  # calls that optional experiments may cost
    env: "Mapping[str, str]" = field(default_factory=dict)
    imports: bool = False  # whether it reports the lines that run while the target is imported
    replace: "Mapping[str, str]" = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """Sessions on one tree; paths are paths inside the sandbox."""

    workspace: str
    folder: str  # the folder in which the tests start
    paths: "Sequence[str]"
    target: str
    measured: "Sequence[str]"
    test_files: "Sequence[str]"
    clock: str  # path of the library that shifts clocks
    sessions: "Sequence[Session]" = ()


@dataclass(frozen=True)
class Recorded:
    """A call made by a test: its function, and its arguments as opaque text."""

    module: str
    name: str
    kept: str
    wanted: "Sequence[int] | None" = None  # which of its answers are made, by their position; None: all
    marks: "Sequence[int | str]" = ()  # see `Call`


@dataclass(frozen=True)
class Replay:
    """Calls to repeat, and what else to run."""

    workspace: str
    paths: "Sequence[str]"
    calls: "Sequence[Recorded]"
    literals: "Sequence[str]"  # calls that contain one are also made with another value instead
    constants: "Sequence[str]"  # values that arguments of their type also get
    modules: "Sequence[str]"  # modules whose plain values are reported
    clock: str
    measured: "Sequence[str]"  # files whose lines are noted
    seconds_of_a_call: float
    functions: "Mapping[str, Sequence[Sequence[int]]]" = field(default_factory=dict)
    """First and last lines, by file, of functions: each answer tells whether it ran one of them."""


# -- reports -------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """The outcome of one test; JSON shows it as a list, because a large suite has many."""

    nodeid: str
    outcome: str
    kind: str  # of a failure, see `watch`
    message: str
    cpu_seconds: float
    counts: "Sequence[int] | None"  # see `watch.Aim`
    touched: bool  # it received a wrong value from the target
    line: int  # of a test file, in which it failed; 0: not known


class Ran(TypedDict):
    """The lines and branches of one file that ran."""

    lines: "Sequence[int]"
    arcs: "Sequence[tuple[int, int]]"
    tests: "Mapping[str, str]"  # lines by test, as `protocol.spans`


class Call(TypedDict):
    """A call of the product, and the tests that made it."""

    module: str
    name: str
    kept: str  # its arguments, as opaque text
    tests: "list[str]"
    marks: "list[int | str]"  # places and names of arguments that are numbers, or a text in place of one


class Measures(TypedDict, total=False):
    """What was measured over all tests of an experiment, where it was asked for."""

    work: int
    calls: "Sequence[Call]"
    coverage: "Mapping[str, Ran]"  # by path
    contacts: "Mapping[str, str]"  # tests by what they used
    shared: "Mapping[str, Sequence[int]]"  # lines that ran for several tests, by path


class End(Measures, total=False):
    """The result of an experiment; `tests` and `done` are always there."""

    experiment: str
    tests: "list[Row]"
    done: bool
    timed_out: bool
    unfit: bool  # it could not be tried in the requested way
    survived: bool  # no test noticed the fault
    applied: "int | None"  # number of functions that got another code
    dated: bool  # the date was the requested one
    ran: int  # number of tests
    cpu: float
    wall: float
    chance: bool  # random numbers were drawn
    replaced: "Sequence[str]"  # code that tests replaced permanently
    changed: "Sequence[str]"  # repository files that tests changed
    network: "Sequence[str]"
    powers: "Sequence[object]"  # see `audit`


class Collection(TypedDict):
    """What a session collected before its experiments."""

    collected: "Sequence[tuple[str, str, str]]"  # id, path and function of each test
    errors: "Sequence[Sequence[str]]"  # of files that could not be collected: id and text
    network: "Sequence[str]"
    imported: "Sequence[int]"  # lines of the target that ran at its import
    imported_beside: "Mapping[str, Sequence[int]]"  # the same of other files
    changed: "Sequence[str]"


class Made(NamedTuple):
    """A call that was made again, and its result as text; JSON shows it as a list."""

    call: str
    result: str
    without: str = ""  # the literal that was replaced in it
    growth: float = 0.0  # of its work
    twin: bool = False  # its values are equal to those of the recorded call
    entered: bool = True  # it may have run one of the job's functions


class Answers(TypedDict):
    """The results of a replay."""

    answers: "list[list[Sequence[object]]]"  # of each call: `Made` as lists
    lines: "dict[str, list[int]]"  # that ran, by path
    values: "dict[str, Mapping[str, str] | None]"  # of each module, by name; None: it cannot be imported
    deaths: int  # processes that ended too early


# -- how jobs are written and read ----------------------------------------------------------------------


def document(shape: Any) -> "dict[str, Any]":
    """A dataclass as JSON values, without fields that have their default."""
    return {
        one.name: _plain(getattr(shape, one.name))
        for one in fields(shape)
        if getattr(shape, one.name) != one.default
    }


def read_job(found: "Mapping[str, Any]") -> Job:
    """A job from its document."""
    return Job(**{**found, "sessions": [_session(one) for one in found.get("sessions", ())]})


def read_replay(found: "Mapping[str, Any]") -> Replay:
    """A replay from its document."""
    return Replay(**{**found, "calls": [Recorded(**one) for one in found["calls"]]})


def spans(numbers: "Iterable[int]") -> str:
    """Numbers in order, as `0 3-7 9`: one text for each test keeps the results of a large suite small."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return " ".join(f"{first}-{last}" if last > first else str(first) for first, last in found)


# ------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return document(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return dict(value) if isinstance(value, Mapping) else value


def _session(found: "Mapping[str, Any]") -> Session:
    read = {name: tuple(map(_experiment, found.get(name, ()))) for name in ("experiments", "early")}
    return Session(**{**found, **read})


def _experiment(found: "Mapping[str, Any]") -> Experiment:
    variant = Variant(**found["variant"]) if "variant" in found else None
    return Experiment(
        **{**found, "variant": variant, "trials": tuple(map(_experiment, found.get("trials", ())))}
    )
