"""Mutation: small faults are put into the lines that the tests run, and the noticed ones are counted.

The decisive gate for tests. It has two floors: one for all faults, one for faults that give a wrong result
without crashing.
It fails closed: where no mutant can be made or run, it does not pass.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from nightcrew.task import TaskType
from nightcrew.validation.change.change import changed_lines
from nightcrew.validation.faults.blind_controls import HASH_SEED
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.mutants import make_mutants, sample
from nightcrew.validation.faults.mutation_trials import (
    FEW,
    Rates,
    Trial,
    choose,
    mutants_within,
    rates,
    survivors,
    try_mutants,
)
from nightcrew.validation.faults.target import (
    Target,
    arguments_of,
    judged_tests,
    left_to_command,
    target_or_result,
)
from nightcrew.validation.gate import JUDGED_TESTS, Gate, counted, failed, not_measurable, passed, unproven
from nightcrew.validation.reading.idle_tests import tries_new_inputs
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, examine, name_of
from nightcrew.validation.running.run_results import Covered
from nightcrew.validation.running.runs import Blind, run_blind
from nightcrew.validation.verdict import GateOutcome, GateResult

NAME = "mutation"
LEAST_KILLED = 0.3
LEAST_ORACLE = 0.35
SPOT_CHECKS = 2
FAULTS_A_CHECK = 100  # one blind repetition for so many faults
IN_FIX = 16
LEAST_IN_FIX = 3
LEAST_BY_OTHERS = 0.5
BESIDE = 0.8  # strength of tests beside others, which need not notice all that they pass through


class Mutation(Gate):
    """Measures how many small faults the tests notice."""

    name = NAME
    types = JUDGED_TESTS

    def run(self, room: CleanRoom) -> GateResult:
        """Samples faults, runs the tests on them, compares with the floors, and repeats some runs blind."""
        target = target_or_result(room, NAME)
        if isinstance(target, GateResult):
            return target
        examination = examine(room)
        covered = examination.coverage(examination.patched.run("all"), target.path)
        if room.task.task_type is TaskType.BUG_FIX:
            return _judge_fix(room, examination, target, covered)
        within = _lines_of_feature(room, target)
        chosen = choose(target, examination, covered, seed=target.source, within=within)
        if within is not None and len(mutants_within(target.source, within)) < LEAST_IN_FIX:
            return passed(NAME, f"The change to {target.path} is too small to put faults into.")
        if not chosen:
            return left_to_command(room, NAME, target.path) or not_measurable(
                NAME, f"No mutant can be made of the lines of {target.path} that the tests run."
            )
        trials = _tried(room, examination, target, chosen, covered)
        if not trials:
            return not_measurable(NAME, f"No mutant of {target.path} could be run.")
        measured = rates(trials, room.measured.values)
        beside = _judge_beside(room, examination, target, trials, measured)
        if beside is not None and beside.outcome is not GateOutcome.PASS:
            return beside
        return (
            _judge_added(room, examination, target, trials, covered)
            or _spot_check(room, examination, target, trials)
            or beside
            or _passed(room, target.path, trials, measured)
        )


def _tried(
    room: CleanRoom, examination: Examination, target: Target, chosen: tuple[Mutant, ...], covered: Covered
) -> list[Trial]:
    """The trials; where tests end each process that tries faults, these are in place before the import."""
    early = tuple(replace(one, function="") for one in chosen)
    return try_mutants(room, examination, *target, chosen, covered) or try_mutants(
        room, examination, *target, early, covered
    )


def _lines_of_feature(room: CleanRoom, target: Target) -> set[int] | None:
    """The lines that a feature adds to a file of base: its tests need not notice faults in the others."""
    change = room.change(target.path)
    if room.task.task_type is not TaskType.CODE_GENERATION or change is None or change.before is None:
        return None
    return changed_lines(change.before, target.source)


def _judge_fix(room: CleanRoom, examination: Examination, target: Target, covered: Covered) -> GateResult:
    """Checks that the reproducer notices small faults in the fix, and not only that the fix is missing."""
    change = room.change(target.path)
    lines = changed_lines(change.before or "", target.source) if change is not None else set()
    lines &= {line for name in judged_tests(examination) for line in covered.by_test.get(name, ())}
    mutants = make_mutants(target.source)
    inside = tuple(one for one in mutants if one.function and lines & {one.line, one.statement})
    chosen = sample(target.source, inside, IN_FIX, seed=target.source) if inside else ()
    trials = _tried(room, examination, target, chosen, covered) if chosen else []
    if not trials and len(chosen) >= LEAST_IN_FIX:
        return not_measurable(NAME, f"None of {len(chosen)} small faults put into the fix could be run.")
    if len(trials) < LEAST_IN_FIX:
        return passed(NAME, "The fix is too small to put faults into; the reproducer stands for itself.")
    measured = rates(trials)
    if measured.killed == 0 and _others_notice(room, examination, target, chosen, covered):
        message = "Other tests notice small faults in the lines of the fix; the reproducer shows its effect."
        return passed(NAME, message, strength=BESIDE, **_evidence(trials, measured))
    if measured.killed == 0:
        none = failed(
            NAME,
            f"Of {len(trials)} small faults put into the fix, the reproducer notices none.",
            "Assert on what the repaired code gives.",
            strength=0.0,
            evidence=_evidence(trials, measured),
        )
        return unproven(none, "its test notices no fault in the fix", target.path)
    return passed(
        NAME,
        f"Of {len(trials)} small faults put into the fix, the reproducer notices {measured.killed:.0%}.",
        strength=0.7 + 0.3 * measured.killed,
        **_evidence(trials, measured),
    )


def _others_notice(
    room: CleanRoom, examination: Examination, target: Target, chosen: tuple[Mutant, ...], covered: Covered
) -> bool:
    """True where tests of base notice most faults in the lines of a fix: what a reproducer shows may lie in
    what the fix takes away, and not in these lines."""
    others = tuple(sorted(set(covered.by_test) - set(judged_tests(examination))))
    trials = try_mutants(room, examination, *target, chosen, covered, tests=others) if others else []
    return bool(trials) and rates(trials).killed >= LEAST_BY_OTHERS


def _evidence(trials: list[Trial], measured: Rates) -> dict[str, object]:
    counts = Counter(trial.killed_by or "survived" for trial in trials)
    return {
        "mutants": len(trials),
        "killed_share": round(measured.killed, 4),
        "oracle": round(measured.oracle, 4),
        **{name: counts[name] for name in sorted(counts)},
        "survivors": survivors(trials)[:30],
    }


def _judge_beside(
    room: CleanRoom, examination: Examination, target: Target, trials: list[Trial], measured: Rates
) -> GateResult | None:
    """Tests answer for the faults in the lines that they run, or else in those that no test of base runs. In
    lines that were tested before it is enough that each of them notices a fault by what it asserts."""
    short = _judge(room, target.path, trials, measured)
    if short is None or room.task.task_type is not TaskType.UNIT_TEST:
        return short
    before = examination.coverage(examination.base.run("all"), target.path).lines
    fresh = [one for one in trials if not before & {one.mutant.line, one.mutant.statement}]
    if sum(one.mutant.is_subtle for one in fresh) >= FEW:
        return _judge(room, target.path, fresh, rates(fresh, room.measured.values))
    if not before:
        return short
    # One that crashes or gives nothing is noticed by any test that runs it.
    subtle = [one for one in trials if one.mutant.is_subtle] or trials
    noticed = sum(one.killed_by == "assertion" for one in subtle)
    tests = len({name_of(one) for one in examination.new_tests.nodeids})
    if noticed >= tests:
        room.measured.tests_notice_faults = True
        message = (
            f"The assertions of {counted(tests, 'new test')} notice {noticed} subtle faults in {target.path}."
        )
        return passed(NAME, message, strength=BESIDE, **_evidence(trials, rates(trials)))
    return failed(
        NAME,
        f"{counted(tests, 'new test')} beside those of base: of {len(subtle)} subtle faults put into the "
        f"lines of {target.path} that they run, their assertions notice {noticed}.",
        "Let each test assert something that a small fault in the code would change.",
        strength=noticed / tests,
        evidence=_evidence(trials, measured),
    )


def _judge(room: CleanRoom, target: str, trials: list[Trial], measured: Rates) -> GateResult | None:
    if measured.killed >= LEAST_KILLED and measured.oracle >= LEAST_ORACLE:
        return None
    left = survivors(trials)[:8]
    if not left and room.task.task_type is not TaskType.UNIT_TEST:
        return None  # every fault is noticed, if only because it crashes
    missed = f" These changes of the code were not noticed: {'; '.join(left)}" if left else ""
    refused = failed(
        NAME,
        _summary(trials, target, measured),
        f"Assert exact values.{missed}",
        strength=measured.strength,
        evidence=_evidence(trials, measured),
    )
    if room.task.task_type is TaskType.UNIT_TEST:
        return refused
    # The change itself may be right, and its tests show too little.
    return unproven(refused, "its tests notice too few faults", target)


def _judge_added(
    room: CleanRoom, examination: Examination, target: Target, trials: list[Trial], covered: Covered
) -> GateResult | None:
    """Where the new tests cover no further line, they must notice faults that the old tests miss."""
    if not room.measured.adds_no_coverage:
        return None
    killed = tuple(trial.mutant for trial in trials if trial.killed_by and trial.mutant.function)
    old = tuple(sorted(set(covered.by_test) - set(judged_tests(examination))))
    before = try_mutants(room, examination, *target, killed, covered, tests=old) if killed else []
    added = [trial.mutant.name for trial in before if not trial.killed_by]
    if added or tries_new_inputs(room):
        return None
    return failed(
        NAME,
        f"The tests add nothing: every line of {target.path} they run was covered, every fault they "
        f"notice was noticed.",
        f"Test what the existing tests leave out of {target.path}.",
        strength=0.2,
        evidence=_evidence(trials, rates(trials, room.measured.values)),
    )


def _spot_check(
    room: CleanRoom, examination: Examination, target: Target, trials: list[Trial]
) -> GateResult | None:
    """Repeats some noticed faults blind, which finds a suite that only pretends to notice.

    They run in the world in which the tests passed with equivalent code, so only the fault differs.
    """
    killed = [trial for trial in trials if trial.killed_by == "assertion" and trial.mutant.function]
    count = max(1, min(SPOT_CHECKS, len(trials) // FAULTS_A_CHECK))
    step = max(1, len(killed) // (count + 1))
    chosen = killed[step // 2 :: step][:count]
    arguments = arguments_of(judged_tests(examination))

    def blind(trial: Trial) -> Blind:
        faulty = {target.path: trial.mutant.apply(target.source)}
        return run_blind(room, arguments, replaced=faulty, hash_seed=HASH_SEED)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(blind, chosen))
    for trial, outcome in zip(chosen, outcomes, strict=True):
        # A run that breaks counts as noticed: a decorator's result is used while the tests are collected.
        if outcome is Blind.PASSED:
            return failed(
                NAME,
                f"The tests say that they notice {trial.mutant.name} in {target.path}, and in a plain "
                f"run they do not.",
                "Tests must behave the same however they are run.",
                strength=0.0,
            )
    return None


def _passed(room: CleanRoom, target: str, trials: list[Trial], measured: Rates) -> GateResult:
    room.measured.tests_notice_faults = True
    message = _summary(trials, target, measured)
    return passed(NAME, message, strength=measured.strength, **_evidence(trials, measured))


def _summary(trials: list[Trial], target: str, measured: Rates) -> str:
    return (
        f"Of {len(trials)} small faults put into the lines of {target} that the tests run, they notice "
        f"{measured.killed:.0%}; of the subtle ones that do not crash, their assertions notice "
        f"{measured.oracle:.0%}."
    )
