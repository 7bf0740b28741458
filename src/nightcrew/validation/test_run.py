"""Test runs in the sandbox, and what came of them.

Two kinds. *Rigged* runs (`run_sessions`) collect once and try many things in forked children; what they say
was said in the same process as untrusted code, so it is only ever used by comparing one version of the code
with another. *Blind* runs (`run_blind`) are a plain `python -m pytest` in a fresh sandbox with nothing to
see, and only their exit code is looked at; broken and intact copies have to differ there too.
"""

import importlib.util
import json
import logging
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nightcrew.execution.sandbox import WORKSPACE, Completed, Limits, Mount
from nightcrew.task import TaskCategory
from nightcrew.validation.clean_room import CleanRoom
from nightcrew.validation.metadata import own_plugins
from nightcrew.validation.paths import module_name

logger = logging.getLogger(__name__)

RIG = "/opt/nightcrew/nightcrew_rig"
CLOCK = "/opt/nightcrew/clock"
ELSEWHERE = "/srv/project"
RUN_LIMITS = Limits(wall_seconds=900.0, cpu_seconds=900, output_bytes=64 * 1024 * 1024, processes=256)
RUNNER = {"pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "coverage"}
FAILURES = {"failed", "error"}
_DROPPED_PLUGINS = {
    "xdist", "xdist.looponfail", "randomly", "pytest_randomly", "random_order", "rerunfailures", "pytest_cov",
    "cov", "sugar", "html", "metadata", "json-report", "pytest_jsonreport", "repeat", "timeout",
    "flakefinder",
    "benchmark", "codspeed", "pytest-codspeed", "instafail", "picked", "testmon", "reportlog", "clarity",
}  # fmt: skip
_KEPT_OPTIONS = re.compile(
    r"--(import-mode|doctest|strict|asyncio-mode|ignore|deselect|pyargs|noconftest|run|slow|disable-socket|pspec)"
)


class Blind(StrEnum):
    """What an exit code says."""

    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"  # interrupted, killed, or nothing collected


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What one test is said to have done."""

    __test__ = False
    nodeid: str
    outcome: str
    kind: str  # of a failure: assertion or crash
    message: str
    seconds: float
    direct_calls: int = 0
    calls: int = 0
    touched: bool = False  # a wrong value of the target reached it

    @property
    def failed(self) -> bool:
        """True for a failure in the test or around it."""
        return self.outcome in FAILURES


@dataclass(frozen=True, slots=True)
class Covered:
    """What ran of one file while tests ran."""

    lines: frozenset[int] = frozenset()
    arcs: frozenset[tuple[int, int]] = frozenset()
    by_test: Mapping[str, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One experiment: the tests' outcomes in order, and whether it came to its end."""

    tests: Mapping[str, TestOutcome]
    done: bool
    timed_out: bool
    applied: int | None
    network: tuple[str, ...]
    coverage: Mapping[str, Covered]
    cpu_seconds: float

    @property
    def failed(self) -> tuple[TestOutcome, ...]:
        """The tests that failed."""
        return tuple(test for test in self.tests.values() if test.failed)

    @property
    def passed(self) -> bool:
        """True where it came to its end without a failure."""
        return self.done and not self.failed

    @property
    def killed_by(self) -> str:
        """How a broken version was noticed: assertion, crash, timeout; empty where it was not."""
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

    collected: tuple[Collected, ...]
    errors: tuple[tuple[str, str], ...]
    runs: Mapping[str, Run]
    network: tuple[str, ...]
    imported_lines: frozenset[int]
    problem: str  # empty: it came to its end
    traces: tuple[
        str, ...
    ] = ()  # files of the repository that tests changed, code that they replaced for good

    def run(self, name: str) -> Run:
        """A run by name; one that never came is one that did not end."""
        return self.runs.get(name, NO_RUN)


NO_RUN = Run({}, False, False, None, (), {}, 0.0)


@dataclass(frozen=True, slots=True)
class Session:
    """A pytest session to be run: what to collect, and the experiments on it."""

    experiments: Sequence[Mapping[str, Any]]
    paths: tuple[str, ...] = ()
    seconds: float = 600.0
    budget: float = (
        150.0  # seconds after which optional experiments are left out; small suites never get there
    )
    env: Mapping[str, str] = field(default_factory=dict)
    replace: Mapping[str, str] = field(default_factory=dict)
    imports: bool = False
    doctests: bool = False


def run_sessions(
    room: CleanRoom,
    tree: Path,
    sessions: Sequence[Session],
    *,
    measured: Iterable[str] = (),
    hash_seed: int = 0,
    test_files: Iterable[str] = (),
    target: str | None = None,
) -> tuple[SessionResult, ...]:
    """Run sessions on a throw-away copy of `tree`, in one sandbox.

    `measured`: files of the tree whose coverage is taken where an experiment asks for it.
    """
    target = target or room.task.target_file
    own = _part_of_the_runner(room, target)
    if own:
        return (SessionResult((), (), {}, (), frozenset(), own),) * len(sessions)
    job = {
        "workspace": WORKSPACE,
        "paths": list(room.python_paths),
        "target": f"{WORKSPACE}/{target}" if target else "",
        "measured": [f"{WORKSPACE}/{path}" for path in sorted(set(measured))],
        "test_files": [f"{WORKSPACE}/{path}" for path in sorted(set(test_files))],
        "clock": CLOCK,
        "sessions": [_session_document(room, tree, session) for session in sessions],
    }
    with room.copy(tree) as copy:
        completed = room.sandbox.run(
            [str(room.environment.python), "-P", "-s", "-c",
             f"import sys; sys.path.insert(0, {Path(RIG).parent.as_posix()!r}); "
             "from nightcrew_rig.main import main; main()"],
            workspace=copy,
            mounts=[*room.mounts, *_rig_mounts()],
            env={name: value for name, value in _environment(room,
            hash_seed).items() if name != "PYTHONPATH"},
            stdin=json.dumps(job).encode(),
            limits=RUN_LIMITS,
        )  # fmt: skip
    return _read(completed, len(sessions))


def run_blind(
    room: CleanRoom,
    tree: Path,
    paths: Sequence[str],
    *,
    replaced: Mapping[str, str] | None = None,
    hash_seed: int = 0,
    deselect: Sequence[str] = (),
    elsewhere: bool = False,
) -> Blind:
    """A plain pytest run of some test files on a copy of `tree` with some files' text replaced.

    `elsewhere`: in another folder, for another user, in another time zone, and not in CI.
    """
    options = [word for nodeid in deselect for word in ("--deselect", nodeid)]
    place = ELSEWHERE if elsewhere else WORKSPACE
    env = _environment(room, hash_seed)
    if elsewhere:
        env = {name: value.replace(WORKSPACE, place) for name, value in env.items() if name != "CI"}
        env |= {"USER": "dev", "LOGNAME": "dev", "TZ": "Asia/Tokyo", "COLUMNS": "132"}
    with room.copy(tree, replaced) as copy, TemporaryDirectory(dir=room.folder) as empty:
        moved = [Mount(copy, place, writable=True)] if elsewhere else []
        pytest = [
            str(room.environment.python),
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--rootdir={place}",
        ]
        completed = room.sandbox.run(
            ["/bin/sh", "-c", 'cd "$0" && exec "$@"', place,
             *pytest, *_plugin_options(room), *options, "--", *paths],
            workspace=Path(empty) if elsewhere else copy,
            mounts=[*room.mounts, *moved],
            env=env,
            limits=RUN_LIMITS,
        )  # fmt: skip
    if completed.killed_by is not None:
        return Blind.BROKEN
    return {0: Blind.PASSED, 1: Blind.FAILED}.get(completed.returncode, Blind.BROKEN)


# ---------------------------------------------------------------------------------------------------------


def _environment(room: CleanRoom, hash_seed: int) -> dict[str, str]:
    return {
        "PYTHONPATH": ":".join(room.python_paths),
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PATH": f"{room.environment.bin}:/usr/local/bin:/usr/bin:/bin",
        "CI": "true",
    }


def _rig_mounts() -> tuple[Mount, ...]:
    mounts = [Mount(Path(__file__).parent / "rig", RIG)]
    for name, inside in (("time_machine", "time_machine"), ("_time_machine", None)):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            source = origin.parent if inside else origin
            mounts.append(Mount(source, f"{CLOCK}/{inside or origin.name}"))
    return tuple(mounts)


def _session_document(room: CleanRoom, tree: Path, session: Session) -> dict[str, Any]:
    return {
        "args": [
            "-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "--capture=sys", "--tb=native",
            f"--rootdir={WORKSPACE}",
            *_plugin_options(room), *(["--doctest-modules"] if session.doctests else []), "--",
            *(session.paths or default_paths(room, tree)),
        ],
        "experiments": list(session.experiments),
        "seconds": session.seconds,
        "budget": session.budget,
        "env": {"PYTHONPATH": ":".join(room.python_paths), **session.env},
        "imports": session.imports,
        "replace": {f"{WORKSPACE}/{path}": text for path, text in session.replace.items()},
    }  # fmt: skip


def _part_of_the_runner(room: CleanRoom, target: str | None) -> str:
    """Why the tests would try another copy of the code than the repository's; empty: they do not."""
    package = module_name(target or "").split(".")[0]
    if package not in RUNNER or room.task.task_type is TaskCategory.DOCUMENTATION:
        return ""
    return (
        f"{package} is a part of pytest or coverage, whose installed copy runs the tests and would be tried"
    )


def default_paths(room: CleanRoom, tree: Path) -> tuple[str, ...]:
    """What the repository's own test command names as places of tests; nothing where it names none."""
    words = shlex.split(room.config.test)
    paths = [
        word for word in words[_after_runner(words) :] if not word.startswith("-") and (tree / word).exists()
    ]
    if "unittest" in words:
        dotted = [word.replace(".", "/") for word in words[_after_runner(words) :]]
        paths += [f"{word}.py" for word in dotted if (tree / f"{word}.py").is_file()]
        paths += [word for word in dotted if "/" in word and (tree / word).is_dir()]
    return tuple(dict.fromkeys(paths))


def _after_runner(words: Sequence[str]) -> int:
    """Where the runner's own arguments begin: behind pytest or unittest, or `python` that is given a file."""
    for index, word in enumerate(words):
        if word in {"pytest", "py.test", "unittest"}:
            return index + 1
    is_python = bool(words) and Path(words[0]).name.startswith("python") and "-m" not in words
    return 1 if is_python else len(words)


def _names_of_tests(room: CleanRoom) -> list[str]:
    """unittest looks for `test*.py` unless told otherwise; pytest for what the repository's settings say."""
    words = shlex.split(room.config.test)
    if "unittest" not in words:
        return []
    told = [after for word, after in pairwise(words) if word in {"-p", "--pattern"}]
    return ["-o", f"python_files={told[0] if told else 'test*.py'}"]


def _plugin_options(room: CleanRoom) -> list[str]:
    """The options that replace base's own `addopts`, and the plugins that its environment holds."""
    addopts = [
        word for option in _options(_addopts(room.base)) if _KEPT_OPTIONS.match(option[0]) for word in option
    ]
    names = [*_installed_plugins(room.environment.path), *own_plugins(room.base)]
    plugins = [word for name in names for word in ("-p", name)]
    return ["-o", "addopts=", *addopts, *plugins, *_names_of_tests(room)]


def _options(text: str) -> list[list[str]]:
    """Options with the words that follow them; words before the first option are left out."""
    options: list[list[str]] = []
    for word in shlex.split(text):
        if word.startswith("-"):
            options.append([word])
        elif options:
            options[-1].append(word)
    return options


def _installed_plugins(environment: Path) -> list[str]:
    """Names of pytest plugins in an environment, but for those that change how tests are counted or
    ordered."""
    found: set[str] = set()
    for file in sorted(environment.glob("lib/python*/site-packages/*.dist-info/entry_points.txt")):
        parser = ConfigParser(delimiters=("=",), strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        try:
            parser.read_string(file.read_text())
        except (ConfigError, OSError, UnicodeDecodeError):
            continue
        if parser.has_section("pytest11"):
            found |= {name for name, _ in parser.items("pytest11")}
    return sorted(name for name in found if not any(name.startswith(one) for one in _DROPPED_PLUGINS))


def _addopts(tree: Path) -> str:
    """Base's own pytest options, from the first file that pytest would take its configuration from."""
    for name in ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"):
        parser = ConfigParser(interpolation=None, strict=False)
        if name in {"tox.ini", "setup.cfg"} and (tree / "pyproject.toml").is_file():
            found = _pyproject_addopts(tree)
            if found is not None:
                return found
        try:
            parser.read_string((tree / name).read_text())
        except (ConfigError, OSError, UnicodeDecodeError):
            continue
        section = "tool:pytest" if name == "setup.cfg" else "pytest"
        if parser.has_section(section) or name.endswith("pytest.ini"):
            return parser.get(section, "addopts", fallback="")
    return _pyproject_addopts(tree) or ""


def _pyproject_addopts(tree: Path) -> str | None:
    try:
        tool = tomllib.loads((tree / "pyproject.toml").read_text()).get("tool", {})
        options = tool["pytest"]["ini_options"].get("addopts", "")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, AttributeError):
        return None
    return shlex.join(map(str, options)) if isinstance(options, list) else str(options)


def _read(completed: Completed, expected: int) -> tuple[SessionResult, ...]:
    """The sessions of a run; one that says nothing is one that was disrupted."""
    try:
        told = json.loads(completed.stdout)["sessions"]
    except (ValueError, KeyError, TypeError):
        told = []
    if len(told) != expected:
        ended = completed.killed_by or f"exit code {completed.returncode}"
        problem = f"the test run ended without a result ({ended})"
        logger.info("%s: %s", problem, completed.stderr[-400:].decode(errors="replace"))
        return (SessionResult((), (), {}, (), frozenset(), problem),) * expected
    return tuple(_session_result(one) for one in told)


def _session_result(told: Mapping[str, Any]) -> SessionResult:
    collected: tuple[Collected, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    network: tuple[str, ...] = ()
    imported: frozenset[int] = frozenset()
    runs: dict[str, Run] = {}
    ended, crash, found, said = False, "", False, ""
    traces: set[str] = set()
    for line in told["reports"]:
        traces |= {str(one) for word in ("changed", "replaced") for one in line.get(word) or ()}
        if "collected" in line:
            found = True
            collected = tuple(Collected(*map(str, one)) for one in line["collected"])
            errors = tuple((str(one[0]), str(one[1])) for one in line["errors"])
            network = tuple(map(str, line["network"]))
            imported = frozenset(line.get("imported") or ())
        elif "experiment" in line:
            runs[line["experiment"]] = _run(line)
        elif "end" in line:
            ended, said = True, str(line.get("said", ""))
        elif "crash" in line:
            crash = str(line["crash"])
    problem = ""
    if told["timed_out"]:
        problem = "the test session did not end in time"
    elif not ended:
        problem = f"the test session ended before its end {crash}".strip()
    elif not found:
        last = " ".join(said.split())[-400:]
        problem = f"pytest ended before it had collected any tests: {last}"
    return SessionResult(collected, errors, runs, network, imported, problem, tuple(sorted(traces)))


def _run(line: Mapping[str, Any]) -> Run:
    tests: dict[str, TestOutcome] = {}
    for nodeid, outcome, kind, message, seconds, aimed, touched in line["tests"]:
        direct, calls = aimed or (0, 0)
        tests[nodeid] = TestOutcome(nodeid, outcome, kind, message, seconds, direct, calls, bool(touched))
    prefix = len(WORKSPACE) + 1
    coverage = {
        path[prefix:]: Covered(
            frozenset(told["lines"]),
            frozenset((int(start), int(end)) for start, end in told["arcs"]),
            {name: frozenset(lines) for name, lines in told["tests"].items()},
        )
        for path, told in (line.get("coverage") or {}).items()
    }
    return Run(
        tests,
        bool(line.get("done")),
        bool(line.get("timed_out")),
        line.get("applied"),
        tuple(line.get("network") or ()),
        coverage,
        float(line.get("cpu") or 0.0),
    )
