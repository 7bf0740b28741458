"""Test runs in the sandbox.

There are two kinds. *Rigged* runs (`run_sessions`) collect once and try many things in forked children; their
output comes from the same process as untrusted code, so it is only used to compare one version of the code
with another. *Blind* runs (`run_blind`) are a plain `python -m pytest` in a fresh sandbox without the rig,
and only their exit code counts; broken and intact copies must differ there too.
"""

import importlib.util
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Required, TypedDict, Unpack

from nightcrew.execution.confinement.forking.forked import NotForked
from nightcrew.execution.sandbox import WORKSPACE, Completed, Limits, Mount, Results
from nightcrew.task import TaskType
from nightcrew.validation import rig
from nightcrew.validation.bytecode.compiled import Compiled
from nightcrew.validation.change.paths import module_name
from nightcrew.validation.loaded.forks import forked_runs
from nightcrew.validation.loaded.inside import RIG_PLACE
from nightcrew.validation.rig import protocol
from nightcrew.validation.rig.protocol import Experiment, Job, Replay, document
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.pytest_options import default_paths, loads_plugins_itself, plugin_options
from nightcrew.validation.running.run_results import SessionResult, read_sessions

log = logging.getLogger(__name__)

RIG = f"{RIG_PLACE}/nightcrew_rig"
CLOCK = "/opt/nightcrew/clock"
ELSEWHERE = "/srv/project"
HOME = "/tmp/dev"  # noqa: S108 - in the sandbox
RUN_LIMITS = Limits(wall_seconds=900.0, cpu_seconds=1500, output_bytes=64 * 1024 * 1024, processes=256)
RUNNER = {"pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "coverage"}
START_SECONDS = 100.0  # for a run to start and to stop, in addition to its sessions' time
MOST_WORK = 300_000_000  # calls, which take some minutes


class Blind(StrEnum):
    """The meaning of an exit code."""

    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"  # interrupted, killed, or nothing collected


class _How(TypedDict, total=False):
    """More arguments of a sandbox's `run`."""

    workspace: Required[Path]
    stdin: bytes
    limits: Limits
    results: Results


@dataclass(frozen=True, slots=True)
class Session:
    """A pytest session to run: what to collect, and the experiments on it.

    `early` experiments start before collection. Optional ones are left out when they would take more than
    `work`, counted in calls, so that every machine leaves out the same ones.
    """

    experiments: Sequence[Experiment]
    early: Sequence[Experiment] = ()
    paths: tuple[str, ...] = ()
    seconds: float = 600.0
    work: int = MOST_WORK
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
    test_files: Iterable[str] = (),
    target: str | None = None,
    replaced: Mapping[str, str | None] | None = None,
) -> tuple[SessionResult, ...]:
    """Runs sessions on a temporary copy of `tree`, in one sandbox.

    `measured`: files of the tree whose coverage is measured where an experiment asks for it.
    `replaced`: other texts of files in the copy; None: without the file.
    """
    own = part_of_the_runner(room, target)
    if own:
        return (SessionResult(problem=own),) * len(sessions)
    job = make_job(room, tree, sessions, measured=measured, test_files=test_files, target=target)
    return read_sessions(run_job(room, tree, job, replaced), len(sessions))


def make_job(
    room: CleanRoom,
    tree: Path,
    sessions: Sequence[Session],
    *,
    measured: Iterable[str] = (),
    test_files: Iterable[str] = (),
    target: str | None = None,
) -> Job:
    """The rig's job; together with the tree it decides the result."""
    target = target or room.task.target_file
    return Job(
        workspace=WORKSPACE,
        folder=_folder(room),
        paths=room.python_paths,
        target=f"{WORKSPACE}/{target}" if target else "",
        measured=[f"{WORKSPACE}/{path}" for path in sorted(set(measured))],
        test_files=[f"{WORKSPACE}/{path}" for path in sorted(set(test_files))],
        clock=CLOCK,
        sessions=[_asked(room, tree, session) for session in sessions],
    )


def run_job(
    room: CleanRoom, tree: Path, job: Job, replaced: Mapping[str, str | None] | None = None
) -> Completed:
    """Runs the rig on a temporary copy of `tree`.

    The result's stdout is what came through the results socket, which the code under test cannot open.
    """
    seconds = START_SECONDS + sum(session.seconds for session in job.sessions)
    return run_rig(room, tree, "session", job, seconds=seconds, replaced=replaced)


def run_rig(
    room: CleanRoom,
    tree: Path,
    module: str,
    job: Job | Replay,
    *,
    seconds: float,
    replaced: Mapping[str, str | None] | None = None,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Runs one of the rig's programs on a temporary copy of `tree`; `job` is its input."""
    own = {name: value for name, value in _environment(room, 0).items() if name != "PYTHONPATH"}
    python = str(room.environment.python)
    with room.copy(tree, replaced) as copy, Results() as results:
        room.once(Compiled).add_to(copy, tree, replaced or {})
        completed = _run(
            room,
            ["rigged", module],
            [python, "-P", "-s", "-c", f"import sys; sys.path.insert(0, {RIG_PLACE!r}); "
             f"from nightcrew_rig.{module} import main; main()"],
            rig=_rig_mounts(),
            workspace=copy,
            mounts=room.mounts(tree),
            env={**own, **(env or {})},
            stdin=json.dumps(document(job)).encode(),
            limits=replace(RUN_LIMITS, wall_seconds=seconds),
            results=results,
        )  # fmt: skip
        return replace(completed, stdout=results.content)


def run_blind(
    room: CleanRoom,
    tests: Sequence[str],
    *,
    replaced: Mapping[str, str],
    hash_seed: int,
    deselect: Sequence[str] = (),
) -> Blind:
    """Runs some tests in plain pytest, by file or nodeid, on the patched tree with other texts of some files.

    It starts in another folder than the rig, as a user with files in its home, in another time zone,
    outside CI.
    Every run ends at the first failure, so its options do not reveal the expected result.
    """
    options = [word for nodeid in deselect for word in ("--deselect", nodeid)]
    env = _environment(room, hash_seed)
    env = {name: value.replace(WORKSPACE, ELSEWHERE) for name, value in env.items() if name != "CI"}
    env |= {"USER": "dev", "LOGNAME": "dev", "TZ": "Asia/Tokyo", "COLUMNS": "132"}
    pytest = ["-q", "-x", "--tb=no", "-p", "no:cacheprovider"]
    files = {one.split("::")[0] for one in tests}
    if not any("AssertionError" in (room.source(path) or "") for path in files):
        pytest.append("--assert=plain")  # only the exit code counts; rewriting takes a fifth of the time
    pytest += [f"--rootdir={ELSEWHERE}", *plugin_options(room), *options, "--"]
    pytest += _from_folder(room, tests, ELSEWHERE)
    folder, python = _folder(room, ELSEWHERE), str(room.environment.python)
    started = (
        f'mkdir -p {HOME}/.config {HOME}/.cache && export HOME={HOME} && cd "$0" && exec "$@" >/dev/null 2>&1'
    )
    with room.copy(room.patched, replaced) as copy, TemporaryDirectory(dir=room.folder) as empty:
        room.once(Compiled).add_to(copy, room.patched, replaced, rewritten=False)
        completed = _run(
            room,
            ["plain", HOME, folder, *pytest],
            ["/bin/sh", "-c", started, folder, python, "-m", "pytest", *pytest],
            workspace=Path(empty),
            mounts=[*room.mounts(room.patched), Mount(copy, ELSEWHERE, writable=True)],
            env=env,
            limits=RUN_LIMITS,
        )  # fmt: skip
    if completed.killed_by is not None:
        return Blind.BROKEN
    return {0: Blind.PASSED, 1: Blind.FAILED}.get(completed.returncode, Blind.BROKEN)


# ---------------------------------------------------------------------------------------------------------


def _run(
    room: CleanRoom,
    words: Sequence[str],
    argv: Sequence[str],
    *,
    rig: Sequence[Mount] = (),
    env: Mapping[str, str],
    mounts: Sequence[Mount],
    **how: Unpack[_How],
) -> Completed:
    """Runs `words` in a process that has pytest loaded, else `argv` in one that is started."""
    forked = forked_runs(room.forks, room.environment, env, rig)
    if forked is not None:
        try:
            return forked.run(words, mounts=[*mounts, *rig], env=env, **how)
        except NotForked as error:
            log.warning("a test run starts pytest itself: %s", error)
    return room.sandbox.run(argv, mounts=[*mounts, *rig], env=env, **how)


def _environment(room: CleanRoom, hash_seed: int) -> dict[str, str]:
    alone = {} if loads_plugins_itself(room) else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return {**room.environment_variables(hash_seed), **alone, "CI": "true"}


def _folder(room: CleanRoom, place: str = WORKSPACE) -> str:
    """The folder in which the tests start."""
    return f"{place}/{room.root}" if room.root else place


def _from_folder(room: CleanRoom, paths: Sequence[str], place: str) -> list[str]:
    """Paths from the repository's root, made relative to the project's folder, where the runner starts."""
    return [f"{place}/{path}" for path in paths] if room.root else list(paths)


def _rig_mounts() -> tuple[Mount, ...]:
    mounts = [Mount(Path(rig.__file__).parent, RIG)]
    for name, inside in (("time_machine", "time_machine"), ("_time_machine", None)):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            source = origin.parent if inside else origin
            mounts.append(Mount(source, f"{CLOCK}/{inside or origin.name}"))
    return tuple(mounts)


def _asked(room: CleanRoom, tree: Path, session: Session) -> protocol.Session:
    return protocol.Session(
        args=[
            "-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "--capture=sys", "--tb=native",
            f"--rootdir={WORKSPACE}",
            *plugin_options(room), *(["--doctest-modules"] if session.doctests else []), "--",
            *_from_folder(room, session.paths or default_paths(room, tree), WORKSPACE),
        ],
        experiments=session.experiments,
        early=[replace(one, replace=_inside(one.replace)) for one in session.early],
        seconds=session.seconds,
        work=session.work,
        env={**room.config.variables, "PYTHONPATH": ":".join(room.python_paths), **session.env},
        imports=session.imports,
        replace=_inside(session.replace),
    )  # fmt: skip


def part_of_the_runner(room: CleanRoom, target: str | None) -> str:
    """Why the tests would run another copy of the code than the repository's; empty where they do not."""
    package = module_name(target or room.task.target_file or "").split(".")[0]
    if package not in RUNNER or room.task.task_type is TaskType.DOCUMENTATION:
        return ""
    return (
        f"{package} is a part of pytest or coverage, whose installed copy runs the tests and would be tried"
    )


def _inside(texts: Mapping[str, str]) -> dict[str, str]:
    return {f"{WORKSPACE}/{path}": text for path, text in texts.items()}
