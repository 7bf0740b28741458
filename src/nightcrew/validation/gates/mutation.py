"""Mutation: small faults are put into the lines that the tests run; how many do the tests notice?

The decisive gate for tests. Two floors: of all faults, and of those that do not crash but give something
wrong.
Fails closed: where no mutant can be made or run, nothing is passed.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher

from nightcrew.task import Task, TaskCategory
from nightcrew.validation.clean_room import CleanRoom
from nightcrew.validation.examination import Examination, examine
from nightcrew.validation.gate import failed, not_measurable, passed
from nightcrew.validation.gates.controls import controlled_target, judged_tests
from nightcrew.validation.mutants import Mutant, make_mutants, sample
from nightcrew.validation.suite import parse
from nightcrew.validation.test_run import Blind, Covered, Run, Session, SessionResult, run_blind, run_sessions
from nightcrew.validation.verdict import GateResult

NAME = "mutation"
SUBTLE = 40
OTHERS = 14
AT_IMPORT = 5
MOST_TESTS = 120
LEAST_KILLED = 0.3
LEAST_ORACLE = 0.35
FEW = 5  # fewer subtle mutants than this say nothing by themselves
SPOT_CHECKS = 2
IN_FIX = 16
LEAST_IN_FIX = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant and what became of it: assertion, crash, timeout, or empty for a survivor."""

    mutant: Mutant
    killed_by: str
    by_test: str


class Mutation:
    """How many small faults the tests notice."""

    name = NAME

    def applies(self, task: Task) -> bool:
        """Where tests are what is judged."""
        return task.task_type in {TaskCategory.UNIT_TEST, TaskCategory.CODE_GENERATION, TaskCategory.BUG_FIX}

    def run(self, room: CleanRoom) -> GateResult:
        """Sample, run, compare with the floor, and look again blind."""
        if room.task.task_type is TaskCategory.CODE_GENERATION and not examine(room).new_tests.items:
            return passed(NAME, "The change brings no tests of its own.")
        target = controlled_target(room)
        source = room.source(target) if target else None
        if target is None or source is None or parse(source) is None:
            return not_measurable(NAME, "There is no Python target to mutate.")
        examination = examine(room)
        if examination.base.problem:
            return not_measurable(NAME, "The suite cannot be run on base, so its tests cannot be tried.")
        covered = examination.coverage(examination.patched.run("all"), target)
        if room.task.task_type is TaskCategory.BUG_FIX:
            return _judge_fix(room, examination, target, source, covered)
        chosen = choose(source, examination, covered, seed=f"{room.commit}:{target}")
        if not chosen:
            return not_measurable(NAME, f"No mutant can be made of the lines of {target} that the tests run.")
        trials = try_mutants(room, examination, target, source, chosen, covered)
        if not trials:
            return not_measurable(NAME, f"No mutant of {target} could be run.")
        return (
            _judge(room, target, trials)
            or _judge_added(room, examination, target, source, trials, covered)
            or _spot_check(room, examination, target, source, trials)
            or _passed(room, target, trials)
        )


def _judge_fix(
    room: CleanRoom, examination: Examination, target: str, source: str, covered: Covered
) -> GateResult:
    """The reproducer has to notice small faults in what the fix changed, and not only that it was changed."""
    change = room.change(target)
    lines = changed_lines(change.before or "", source) if change is not None else set()
    inside = tuple(one for one in make_mutants(source) if one.function and lines & {one.line, one.statement})
    chosen = sample(source, inside, IN_FIX, seed=f"{room.commit}:{target}") if inside else ()
    trials = try_mutants(room, examination, target, source, chosen, covered) if chosen else []
    if len(trials) < LEAST_IN_FIX:
        return passed(NAME, "The fix is too small to put faults into; the reproducer stands for itself.")
    measured = rates(trials)
    if measured.killed == 0:
        return failed(
            NAME,
            f"Of {len(trials)} small faults put into the fix, the reproducer notices none.",
            "Assert on what the repaired code gives.",
            strength=0.0,
            evidence=_evidence(trials, measured),
        )
    return passed(
        NAME,
        f"Of {len(trials)} small faults put into the fix, the reproducer notices {measured.killed:.0%}.",
        strength=0.7 + 0.3 * measured.killed,
        **_evidence(trials, measured),
    )


def changed_lines(before: str, after: str) -> set[int]:
    """Lines (from 1) of `after` that `before` does not have there."""
    matcher = SequenceMatcher(None, before.split("\n"), after.split("\n"), autojunk=False)
    spans = [(start, end) for tag, _, _, start, end in matcher.get_opcodes() if tag in {"insert", "replace"}]
    return {line + 1 for start, end in spans for line in range(start, end)}


def choose(source: str, examination: Examination, covered: Covered, *, seed: str) -> tuple[Mutant, ...]:
    """Mutants of lines that the judged tests run, and a few of what runs at import."""
    lines = {line for name in judged_tests(examination) for line in covered.by_test.get(name, ())}
    mutants = make_mutants(source)
    inside = tuple(one for one in mutants if one.function and lines & {one.line, one.statement})
    outside = tuple(
        one
        for one in mutants
        if not one.function and examination.patched.imported_lines & {one.line, one.statement}
    )
    subtle = tuple(one for one in inside if one.is_subtle)
    others = tuple(one for one in inside if not one.is_subtle)
    return (
        *sample(source, subtle, SUBTLE, seed=seed),
        *sample(source, others, OTHERS, seed=seed),
        *sample(source, outside, AT_IMPORT, seed=seed),
    )


def try_mutants(
    room: CleanRoom,
    examination: Examination,
    target: str,
    source: str,
    mutants: tuple[Mutant, ...],
    covered: Covered,
    *,
    tests: tuple[str, ...] | None = None,
) -> list[Trial]:
    """What became of each mutant that could be put in place."""
    judged = tests if tests is not None else judged_tests(examination)
    spent = max(examination.patched.run("all").cpu_seconds, 0.05)
    limits: dict[str, object] = {
        "optional": True,
        "seconds": 60,
        "cpu_seconds": round(max(1.5, 8 * spent), 1),
        "stop": 4,
    }
    warm: list[dict[str, object]] = []
    sessions: list[Session] = []
    for index, mutant in enumerate(mutants):
        if mutant.function:
            items = _covering_tests(mutant, covered, judged)
            variant = {"edits": [[mutant.start, mutant.end, mutant.text]]}
            warm.append({"id": str(index), **limits, "items": items, "variant": variant})
        else:
            experiment = {"id": str(index), **limits, "items": list(judged)}
            sessions.append(Session([experiment], seconds=60, replace={target: mutant.apply(source)}))
    results = run_sessions(
        room,
        room.patched,
        [Session(warm, seconds=800, budget=300.0), *sessions],
        measured=examination.product_files,
        test_files=examination.all_test_files,
        target=target,
    )
    if results[0].problem and warm:
        return []
    trials: list[Trial] = []
    fresh = iter(results[1:])
    for index, mutant in enumerate(mutants):
        result = results[0] if mutant.function else next(fresh)
        trial = _trial(mutant, result, str(index))
        if trial is not None:
            trials.append(trial)
    return trials


def _trial(mutant: Mutant, result: SessionResult, name: str) -> Trial | None:
    if not mutant.function and (result.errors or result.problem or name not in result.runs):
        return Trial(mutant, "crash", "")
    run = result.runs.get(name)
    if run is None or run.applied == 0:
        return None
    return Trial(mutant, run.killed_by, _killer(run))


def _killer(run: Run) -> str:
    by_kind = sorted(run.failed, key=lambda test: (test.kind != "assertion", test.nodeid))
    return by_kind[0].nodeid if by_kind else ""


def _covering_tests(mutant: Mutant, covered: Covered, judged: tuple[str, ...]) -> list[str]:
    """The tests that run the mutated line, the most specific first."""
    lines = {mutant.line, mutant.statement}
    known = set(judged)
    found = [name for name, reached in covered.by_test.items() if name in known and reached & lines]
    found.sort(key=lambda name: (len(covered.by_test[name]), name))
    step = max(1, -(-len(found) // MOST_TESTS))
    return found[::step]


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of mutants: all that were noticed; of the subtle ones that did not crash, those an
    assertion noticed.

    A mutant that crashes is noticed by any test that runs it, so it says nothing about what the tests check.
    """

    killed: float
    by_assertion: float
    oracle: float

    @property
    def strength(self) -> float:
        """Half for noticing at all, half for the oracle."""
        return (self.killed + self.oracle) / 2


def rates(trials: list[Trial], values: tuple[int, int] = (0, 0)) -> Rates:
    """The rates of some trials; there must be one.

    `values`: how many tests noticed, and missed, a wrong value of the right type, as the controls tried it;
    such a value is a fault that does not crash, like the subtle ones.
    """
    counts = Counter(trial.killed_by for trial in trials)
    subtle = Counter(trial.killed_by for trial in trials if trial.mutant.is_subtle)
    if subtle["assertion"] + subtle[""] < FEW:
        subtle = counts
    checked = subtle["assertion"] + subtle[""]
    oracle = subtle["assertion"] / checked if checked else 0.0
    if subtle["assertion"] > 0 and checked < FEW:
        # Too few to tell: crashes count too, by half, once an assertion has noticed something.
        oracle = max(oracle, (counts["assertion"] + counts["crash"] / 2) / len(trials))
    if sum(values):
        oracle = max(oracle, (subtle["assertion"] + values[0]) / (checked + sum(values)))
    return Rates((len(trials) - counts[""]) / len(trials), counts["assertion"] / len(trials), oracle)


def survivors(trials: list[Trial]) -> list[str]:
    """Mutants nobody noticed, as a person reads them."""
    return [trial.mutant.name for trial in trials if not trial.killed_by]


def _evidence(trials: list[Trial], measured: Rates) -> dict[str, object]:
    counts = Counter(trial.killed_by or "survived" for trial in trials)
    return {
        "mutants": len(trials),
        "killed_share": round(measured.killed, 4),
        "oracle": round(measured.oracle, 4),
        **{name: counts[name] for name in sorted(counts)},
        "survivors": survivors(trials)[:30],
    }


def _measured(room: CleanRoom, trials: list[Trial]) -> Rates:
    return rates(trials, room.memory.get("values", (0, 0)))


def _judge(room: CleanRoom, target: str, trials: list[Trial]) -> GateResult | None:
    measured = _measured(room, trials)
    if measured.killed >= LEAST_KILLED and measured.oracle >= LEAST_ORACLE:
        return None
    return failed(
        NAME,
        _told(trials, target, measured),
        "Assert exact values. These changes of the code were not noticed: "
        + "; ".join(survivors(trials)[:8]),
        strength=measured.strength,
        evidence=_evidence(trials, _measured(room, trials)),
    )


def _judge_added(
    room: CleanRoom, examination: Examination, target: str, source: str, trials: list[Trial], covered: Covered
) -> GateResult | None:
    """Where no line is covered for the first time, the tests have to notice what the old ones do not."""
    if not room.memory.get("must_add_kills"):
        return None
    killed = tuple(trial.mutant for trial in trials if trial.killed_by and trial.mutant.function)
    old = tuple(sorted(set(covered.by_test) - set(judged_tests(examination))))
    before = try_mutants(room, examination, target, source, killed, covered, tests=old) if killed else []
    added = [trial.mutant.name for trial in before if not trial.killed_by]
    if added:
        return None
    return failed(
        NAME,
        f"The tests add nothing: every line of {target} they run was covered, every fault they "
        f"notice was noticed.",
        f"Test what the existing tests leave out of {target}.",
        strength=0.2,
        evidence=_evidence(trials, _measured(room, trials)),
    )


def _spot_check(
    room: CleanRoom, examination: Examination, target: str, source: str, trials: list[Trial]
) -> GateResult | None:
    """Some kills are tried again, blind: a suite that only said it noticed is caught."""
    killed = [trial for trial in trials if trial.killed_by == "assertion" and trial.mutant.function]
    step = max(1, len(killed) // (SPOT_CHECKS + 1))
    chosen = killed[step // 2 :: step][:SPOT_CHECKS]
    paths = sorted({nodeid.split("::")[0] for nodeid in judged_tests(examination)})

    def blind(trial: Trial) -> Blind:
        return run_blind(room, room.patched, paths, replaced={target: trial.mutant.apply(source)})

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(blind, chosen))
    for trial, outcome in zip(chosen, outcomes, strict=True):
        # A broken run notices too: what a decorator gives is used while the tests are collected.
        if outcome is Blind.PASSED:
            return failed(
                NAME,
                f"The tests say that they notice {trial.mutant.name} in {target}, and in a plain "
                f"run they do not.",
                "Tests must behave the same however they are run.",
                strength=0.0,
            )
    return None


def _passed(room: CleanRoom, target: str, trials: list[Trial]) -> GateResult:
    room.memory["tests_vouch"] = True
    measured = _measured(room, trials)
    told = _told(trials, target, measured)
    return passed(NAME, told, strength=measured.strength, **_evidence(trials, measured))


def _told(trials: list[Trial], target: str, measured: Rates) -> str:
    return (
        f"Of {len(trials)} small faults put into the lines of {target} that the tests run, they notice "
        f"{measured.killed:.0%}; of the subtle ones that do not crash, their assertions notice "
        f"{measured.oracle:.0%}."
    )
