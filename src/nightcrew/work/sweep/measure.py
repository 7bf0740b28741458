"""Measures the modules of a repository by running its tests once, in the sandbox, as a verdict does."""

import ast
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from nightcrew.address import Protocol, folder_of, protocol_of
from nightcrew.delivery.destination import Destination
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.checkout.git import GitFailed, git
from nightcrew.execution.checkout.source import opened
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import Task, TaskType
from nightcrew.validation.faults.mutants import make_mutants, sample
from nightcrew.validation.faults.mutation_trials import try_mutants
from nightcrew.validation.reading import docstrings
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.reading.variants import executable_lines
from nightcrew.validation.rig.protocol import Experiment
from nightcrew.validation.running.base_faults import base_fault
from nightcrew.validation.running.base_runs import run_base
from nightcrew.validation.running.clean_room import CleanRoom, open_room
from nightcrew.validation.running.examination import BASE_SECONDS, PAST_ENDS, examine
from nightcrew.validation.running.run_results import Run
from nightcrew.validation.running.runs import Session, make_job
from nightcrew.work.sweep.choice import Proof, choices
from nightcrew.work.sweep.terms import Sweep

MOST_FAULTS = 8  # that are put into one module
_NO_MODULES = frozenset({"conftest.py", "setup.py", "noxfile.py"})
_APART = frozenset({"docs", "doc", "examples", "benchmarks", "scripts", "tools"})


def measured(settings: Settings, sandbox: Sandbox, terms: Sweep, commit: str) -> Sequence[Proof]:
    """The modules of the repository, each with its proof; faults are tried in those that need work most.

    Raises:
        BadInput: the repository cannot be read, or its tests cannot be run.
        Transient: not now.
    """
    task = Task(
        description="Measure the repository.", repo=terms.repo, base=terms.base, task_type=TaskType.ANALYSIS
    )
    with base_checkout(terms.repo, commit, settings) as base:
        often = _changes(settings, terms, base)
        with open_room(task, None, base, settings=settings, sandbox=sandbox) as room:
            paths = [path for path in room.base_tree.python if _is_module(room, path)]
            run = _run(room, paths)
            found = [one for path in paths if (one := _proof(room, run, path, often[path])) is not None]
            first = {one.path for one in choices(found)[: terms.most_tasks * 2]}
            return [_with_faults(room, run, one) if one.path in first else one for one in found]


# ---------------------------------------------------------------------------------------------------------


def _is_module(room: CleanRoom, path: str) -> bool:
    *folders, name = path.split("/")
    return not (room.is_test(path) or name in _NO_MODULES or _APART & set(folders))


def _run(room: CleanRoom, paths: Sequence[str]) -> Run:
    """All tests, and which lines of the modules they run."""
    whole = Experiment("all", BASE_SECONDS, past_ends=PAST_ENDS, cover=True)
    session = Session([whole], seconds=BASE_SECONDS + 100, imports=True)
    tests = tuple(filter(room.is_test, room.base_tree.python))
    result = run_base(
        room, make_job(room, room.base, [session], measured=paths, test_files=tests), room.cache
    )
    fault = None if result.problem else base_fault(room, result)
    if problem := result.problem or (fault.what if fault else ""):
        raise BadInput(f"the tests of {room.task.repo} cannot be run here: {problem}")
    if result.run("all").timed_out:
        raise Transient(f"the tests of {room.task.repo} take longer than {BASE_SECONDS:.0f} s")
    return result.run("all")


def _proof(room: CleanRoom, run: Run, path: str, changes: int) -> Proof | None:
    source = room.source(path, base=True)
    tree = parse(source) if source is not None else None
    if source is None or tree is None:
        return None
    lines = executable_lines(source)
    covered = run.coverage.get(path)
    ran = lines & covered.lines if covered is not None else set[int]()
    documented, public = docstrings.coverage(tree)
    return Proof(
        path,
        len(lines),
        len(ran),
        public,
        documented,
        changes,
        tuple(sorted(lines - ran)),
        tuple(_undocumented(tree)),
    )


def _undocumented(tree: ast.Module) -> Iterator[str]:
    for name, entry in docstrings.entries(tree).items():
        if entry.is_public and not (entry.docstring or "").strip():
            yield name or "the module"


def _with_faults(room: CleanRoom, run: Run, one: Proof) -> Proof:
    """The proof with how many small faults the tests notice, tried in lines that they run."""
    source, covered = room.source(one.path, base=True) or "", run.coverage.get(one.path)
    if covered is None or not one.run:
        return one
    inside = [
        mutant for mutant in make_mutants(source) if mutant.function and mutant.statement in covered.lines
    ]
    chosen = sample(source, tuple(inside), MOST_FAULTS, seed=source) if inside else ()
    passing = tuple(name for name, test in run.tests.items() if not test.failed)
    if not chosen or not passing:
        return one
    trials = try_mutants(room, examine(room), one.path, source, chosen, covered, tests=passing)
    return replace(one, faults=len(trials), noticed=sum(bool(trial.killed_by) for trial in trials))


def _changes(settings: Settings, terms: Sweep, base: Checkout) -> Mapping[str, int]:
    """How many commits of the last days changed each file."""
    words = ("log", f"--since={terms.days}.days", "--format=", "--name-only", "-z", base.commit, "--")
    try:
        if protocol_of(terms.repo) is Protocol.FILE:
            with opened(folder_of(terms.repo).resolve()) as view:
                listed = git(*words, git_dir=view)
        else:
            place = Destination(terms.repo, Credentials(settings.credentials_dir))
            place.fetch_history(base.commit, base.git_dir)
            listed = git(*words, git_dir=base.git_dir)
    except GitFailed as error:
        raise BadInput(f"the history of {terms.repo} cannot be read: {error}") from None
    return Counter(os.fsdecode(name).strip("\n") for name in listed.split(b"\0") if name.strip())
