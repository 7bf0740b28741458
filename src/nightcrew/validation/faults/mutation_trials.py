"""Which faults are put into a target, and which of them the tests notice."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.mutants import make_mutants, sample
from nightcrew.validation.faults.target import Target, files_of, judged_tests
from nightcrew.validation.rig.protocol import Experiment, Variant
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination
from nightcrew.validation.running.run_results import Covered, Run, SessionResult
from nightcrew.validation.running.runs import Session, run_sessions

SUBTLE = 200
OTHERS = 60
AT_IMPORT = 5
MOST_TESTS, MOST_OWN = 120, 600
MOST_WORK = 150_000_000  # calls that all faults together may cost where none is noticed
OWN_WORK = 20_000  # calls that a fault costs in addition to its tests
CRASHES = 4  # after which no test is believed to notice a fault by an assertion
FEW = 5  # fewer subtle mutants than this are too few for a rate of their own
SECONDS = 1500.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant and how it was noticed: assertion, crash, timeout, or empty for a survivor."""

    mutant: Mutant
    killed_by: str
    by_test: str


def choose(
    target: Target, examination: Examination, covered: Covered, *, seed: str, within: Collection[int] | None
) -> tuple[Mutant, ...]:
    """Mutants of lines that the judged tests run, and a few of lines that run at import; only of the lines
    `within`, if given. Expensive tests get fewer mutants, by a measure that is the same on every machine.
    """
    judged = judged_tests(examination)
    lines = {line for name in judged for line in covered.by_test.get(name, ())}
    mutants = mutants_within(target.source, within)
    inside = tuple(one for one in mutants if one.function and lines & {one.line, one.statement})
    imported = examination.patched.imported_lines
    outside = tuple(one for one in mutants if not one.function and imported & {one.line, one.statement})
    subtle = tuple(one for one in inside if one.is_subtle)
    others = tuple(one for one in inside if not one.is_subtle)
    work = {name: test.work for name, test in examination.patched.run("new").tests.items()}
    for share in (1, 2, 4, 8):
        chosen = (
            *sample(target.source, subtle, SUBTLE // share, seed=seed),
            *sample(target.source, others, OTHERS // share, seed=seed),
        )
        tests = [name for one in chosen for name in covering_tests(one, covered, judged)]
        if len(chosen) * OWN_WORK + sum(work.get(name, OWN_WORK) for name in tests) <= MOST_WORK:
            break
    return (*chosen, *sample(target.source, outside, AT_IMPORT, seed=seed))


def mutants_within(source: str, lines: Collection[int] | None) -> tuple[Mutant, ...]:
    """All mutants of some lines of a text; without lines of the whole text."""
    found = make_mutants(source)
    return tuple(one for one in found if lines is None or one.line in lines or one.statement in lines)


def try_mutants(
    room: CleanRoom,
    examination: Examination,
    target: str,
    source: str,
    mutants: tuple[Mutant, ...],
    covered: Covered,
    *,
    tests: tuple[str, ...] | None = None,
    first: Collection[str] = (),
    at_import: tuple[str, ...] | None = None,
    crashes: int = CRASHES,
) -> list[Trial]:
    """The result for each mutant that could be put in place; after an assertion, or so many `crashes`, no
    further test is tried.
    Mutants inside functions are tried in a process that has collected the tests. Mutants of code that runs at
    import must be in place before that, and are tried with the tests `at_import`, or all of them. Where many
    tests run a mutant, some are left out, but none of those in `first`.
    """
    judged = tests if tests is not None else judged_tests(examination)
    inside: list[Experiment] = []
    early: list[Experiment] = []
    for index, mutant in enumerate(mutants):
        items = (
            covering_tests(mutant, covered, judged, first)
            if mutant.function
            else list(at_import if at_import is not None else judged)
        )
        limit = examination.cpu_seconds(items, least=1.0)
        one = Experiment(str(index), items=items, failures_only=True, stop=crashes, cpu_seconds=limit)
        if mutant.function:
            inside.append(replace(one, variant=Variant([(mutant.start, mutant.end, mutant.text)])))
        else:
            early.append(replace(one, replace={target: mutant.apply(source)}))
    paths = files_of(tuple(name for one in [*inside, *early] for name in one.items or ()))
    experiments = [Experiment("trials", trials=inside)] if inside else []
    (result,) = _sessions(room, examination, target, [Session(experiments, early, paths, SECONDS)])
    if result.problem and inside:
        return []
    fresh = _in_sessions_of_their_own(room, examination, target, early, result)
    trials = (
        _trial(mutant, fresh.get(str(index), result), str(index), alone=str(index) in fresh)
        for index, mutant in enumerate(mutants)
    )
    return [trial for trial in trials if trial is not None]


def _sessions(
    room: CleanRoom, examination: Examination, target: str, sessions: Sequence[Session]
) -> tuple[SessionResult, ...]:
    return run_sessions(
        room,
        room.patched,
        sessions,
        measured=examination.product_files,
        test_files=examination.all_test_files,
        target=target,
    )


def _in_sessions_of_their_own(
    room: CleanRoom,
    examination: Examination,
    target: str,
    early: Sequence[Experiment],
    result: SessionResult,
) -> dict[str, SessionResult]:
    """Results by id of the late mutants: something had imported the target before collection."""
    late = [one for one in early if not result.run(one.id).fits]
    if not late:
        return {}
    paths = files_of(tuple(name for one in late for name in one.items or ()))
    sessions = [Session([one], paths=paths, seconds=60, replace=one.replace) for one in late]
    results = _sessions(room, examination, target, sessions)
    return {one.id: found for one, found in zip(late, results, strict=True)}


def _trial(mutant: Mutant, result: SessionResult, name: str, *, alone: bool) -> Trial | None:
    """The result of one mutant; None: not known. A session for it `alone` that cannot start noticed it."""
    run = result.runs.get(name)
    if alone and not result.timed_out and (result.errors or run is None):
        return Trial(mutant, "crash", "")
    if run is None or run.applied == 0:
        return None
    return Trial(mutant, run.killed_by, _killer(run))


def _killer(run: Run) -> str:
    by_kind = sorted(run.failed, key=lambda test: (test.kind != "assertion", test.nodeid))
    return by_kind[0].nodeid if by_kind else ""


def covering_tests(
    mutant: Mutant, covered: Covered, judged: Sequence[str], first: Collection[str] = ()
) -> list[str]:
    """The tests that run the mutated line: those in `first`, then the most specific; some of the others."""
    lines = {mutant.line, mutant.statement}
    known = set(judged)
    found = [name for name, reached in covered.by_test.items() if name in known and reached & lines]
    found.sort(key=lambda name: (len(covered.by_test[name]), name))
    return few(found, MOST_TESTS, first)


def few(tests: Sequence[str], most: int, first: Collection[str] = ()) -> list[str]:
    """The tests that are in `first`, then `most` of the others, spread evenly over them."""
    own = [name for name in tests if name in first]
    others = [name for name in tests if name not in first]
    return [*spread(own, MOST_OWN), *spread(others, most)]


def spread[T](things: Sequence[T], most: int) -> list[T]:
    """Items spread evenly over the sequence, in its order."""
    return list(things[:: max(1, -(-len(things) // most))])


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of mutants: all that were noticed; of the subtle ones that did not crash, those an
    assertion noticed.

    A mutant that crashes is noticed by any test that runs it, so it says nothing about what the tests check.
    """

    killed: float
    oracle: float

    @property
    def strength(self) -> float:
        """Half for all noticed mutants, half for subtle ones that an assertion noticed."""
        return (self.killed + self.oracle) / 2


def rates(trials: list[Trial], values: tuple[int, int] = (0, 0)) -> Rates:
    """The rates of some trials; there must be at least one.
    `values`: how many tests noticed and how many missed a wrong value of the right type in the controls.
    Where tests notice it, they check what they get; they need not check every line that they pass through.
    """
    counts = Counter(trial.killed_by for trial in trials)
    subtle = Counter(trial.killed_by for trial in trials if trial.mutant.is_subtle)
    if subtle["assertion"] + subtle[""] < FEW:
        subtle = counts
    checked = subtle["assertion"] + subtle[""]
    oracle = subtle["assertion"] / checked if checked else 0.0
    if subtle["assertion"] > 0 and checked < FEW:
        # With too few subtle mutants crashes count by half, once an assertion has noticed something.
        oracle = max(oracle, (counts["assertion"] + counts["crash"] / 2) / len(trials))
    if sum(values):
        oracle = max(oracle, values[0] / sum(values))
    return Rates((len(trials) - counts[""]) / len(trials), oracle)


def survivors(trials: list[Trial]) -> list[str]:
    """Mutants that no test noticed, in readable form."""
    return [trial.mutant.name for trial in trials if not trial.killed_by]
