"""Controls: the tests fail on a broken target and pass on one that is changed without effect, and they cannot
tell which one runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nightcrew.task import TaskType
from nightcrew.validation.faults.blind_controls import judge_blind
from nightcrew.validation.faults.target import (
    Target,
    files_of,
    judged_tests,
    left_to_command,
    target_or_result,
)
from nightcrew.validation.gate import JUDGED_TESTS, Gate, failed, not_measurable, passed, unproven
from nightcrew.validation.gates.wrong_values import (
    FEW,
    blind_to_values,
    known_to_do,
    only_parts,
    qualified,
    values_noticed,
)
from nightcrew.validation.reading.smells import new_test_functions
from nightcrew.validation.reading.variants import (
    ADJUSTED,
    EXTENDED,
    neutral,
    perturbed,
    raising,
    returning_nothing,
)
from nightcrew.validation.rig import protocol
from nightcrew.validation.rig.protocol import Experiment
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, examine, name_of
from nightcrew.validation.running.measured import Values
from nightcrew.validation.running.run_results import NO_RUN, Run
from nightcrew.validation.running.runs import Session, run_sessions
from nightcrew.validation.verdict import GateOutcome, GateResult

NAME = "controls"
MOST_UNNOTICED = 0.34
MOST_CHECKING = 0.7


@dataclass(frozen=True, slots=True)
class Variant:
    """A version of the target for a control."""

    name: str
    source: str
    must_pass: bool
    change: str
    adjusting: str = ""  # the function that it calls for its wrong values

    @property
    def swapped(self) -> protocol.Variant:
        """What the rig needs to put this version in place of the target."""
        return protocol.Variant(source=self.source, adjusting=self.adjusting)


class Controls(Gate):
    """Runs the tests on versions of the target that they must refuse, and on ones that they must accept."""

    name = NAME
    types = JUDGED_TESTS

    def run(self, room: CleanRoom) -> GateResult:
        """Runs the versions in one warm process first, then blind in fresh ones."""
        target = target_or_result(room, NAME)
        if isinstance(target, GateResult):
            return target
        variants = make_variants(target.source)
        examination = examine(room)
        # The neutral versions alone show nothing: any test passes on them.
        broken = any(not one.must_pass for one in variants)
        if not broken and not room.measured.reproducers:
            return left_to_command(room, NAME, target.path) or not_measurable(
                NAME, f"{target.path} has no function that could be broken."
            )
        if not broken or not _covering(examination, target.path):
            return _judge_from_outside(room, examination, target)
        runs, imported = _warm(room, examination, target.path, variants)
        empty = runs.get("nothing", NO_RUN)
        if empty.passed and empty.applied != 0 and known_to_do(examination, target):
            variants = [one for one in variants if one.name != "nothing"]
        found = _judge_warm(examination, target.path, variants, runs)
        if found is not None and found.outcome is GateOutcome.FAIL and not found.findings:
            # The change itself may be right, and its tests show too little.
            is_about_tests = room.task.task_type is TaskType.UNIT_TEST
            return found if is_about_tests else unproven(found, "its tests show too little", target.path)
        return (
            found
            or judge_blind(room, examination, target, NAME, imported)
            or _passed(examination, target.path, runs)
        )


def _judge_from_outside(room: CleanRoom, examination: Examination, target: Target) -> GateResult:
    """The result where the tests run no function of the target in their own process: they start programs, or
    the target only holds values. Its versions are put in place on disk."""
    message = f"The tests run no function of {target.path} themselves; plain runs notice that it is broken."
    return judge_blind(room, examination, target, NAME, frozenset()) or passed(
        NAME, message, strength=1.0, blind=room.measured.blind
    )


def make_variants(source: str) -> list[Variant]:
    """The versions of a target that serve as controls."""
    made = [
        Variant("neutral", neutral(source, 0), True, "is reformatted and its locals renamed"),
        Variant("neutral again", neutral(source, 1), True, "is reformatted and its locals renamed"),
        Variant("raising", raising(source) or "", False, "raises in every function"),
        Variant("nothing", returning_nothing(source) or "", False, "returns nothing from every function"),
        Variant(
            "perturbed", perturbed(source) or "", False, "gives wrong values of the right type", ADJUSTED
        ),
        Variant("extended", perturbed(source, name=EXTENDED) or "", False, "gives a little more", EXTENDED),
    ]
    return [variant for variant in made if variant.source]


def _warm(
    room: CleanRoom, examination: Examination, target: str, variants: list[Variant]
) -> tuple[Mapping[str, Run], frozenset[int]]:
    """The run of each variant, and the target's lines that run while the files of the tests are imported."""
    items = list(judged_tests(examination))
    intact = Experiment("intact", 300, items=items)
    limited = replace(intact, cpu_seconds=examination.cpu_seconds(items))
    experiments = [intact, *(replace(limited, id=one.name, variant=one.swapped) for one in variants)]
    (result,) = run_sessions(
        room,
        room.patched,
        [Session(experiments, paths=files_of(judged_tests(examination)), seconds=1500, imports=True)],
        measured=examination.product_files,
        test_files=examination.all_test_files,
        target=target,
    )
    runs = {one.name: result.run(one.name) for one in variants} | {"intact": result.run("intact")}
    return runs, result.imported_lines


def _judge_warm(
    examination: Examination, target: str, variants: list[Variant], runs: Mapping[str, Run]
) -> GateResult | None:
    # A version that no test loaded would count as unnoticed although it was never there.
    applied = [one for one in variants if runs[one.name].applied != 0]
    broken = [runs[one.name] for one in applied if not one.must_pass]
    checking, silent = values_noticed(examination, runs.get("perturbed", NO_RUN))
    exact, loose = values_noticed(examination, runs.get("extended", NO_RUN))
    examination.room.measured.values = Values(exact, len(loose))
    are_noticed = checking >= FEW and checking / (checking + len(silent)) >= MOST_CHECKING
    # Where the target returns None for a rejected input, tests of such inputs may pass on a None version.
    # A test that crashes on base shows that the code comes to its end, whatever it returns.
    ends = examination.room.measured.crash_on_base
    excused = {"perturbed", "extended", *(["nothing"] if are_noticed or ends else ())}
    found = (
        _harmless_refused(target, applied, runs)
        or _broken_passed(target, [one for one in applied if one.name not in excused], runs)
        or blind_to_values(NAME, target, checking, silent)
        or only_parts(NAME, examination, exact, loose)
    )
    if found is not None:
        return found
    if not broken:
        return not_measurable(NAME, f"No broken version of {target} could be put in place.")
    return _unnoticing(examination, target, broken)


def _harmless_refused(target: str, variants: list[Variant], runs: Mapping[str, Run]) -> GateResult | None:
    for variant in variants:
        run = runs[variant.name]
        if variant.must_pass and not run.passed:
            first = run.failed[0].nodeid if run.failed else "the run"
            return failed(
                NAME,
                f"{first} fails when {target} {variant.change}, although it does the same.",
                "Test what the code does, not how it is written.",
                evidence={"control": variant.name, "test": first},
            )
    return None


def _broken_passed(target: str, variants: list[Variant], runs: Mapping[str, Run]) -> GateResult | None:
    for variant in variants:
        if not variant.must_pass and runs[variant.name].passed:
            return failed(
                NAME,
                f"All tests still pass when {target} {variant.change}.",
                "Assert on what the code returns, so that a broken version is noticed.",
                strength=0.0,
                evidence={"control": variant.name},
            )
    return None


def _unnoticing(examination: Examination, target: str, broken: list[Run]) -> GateResult | None:
    """A failed result where single tests notice no broken version, or too many of them do not."""
    unnoticed = unnoticing_tests(examination, target, broken)
    covering = _covering(examination, target)
    if examination.room.task.task_type is not TaskType.UNIT_TEST:
        # Tests of what a class has are welcome beside those that notice what it does.
        tests = new_test_functions(examination.room)
        asking = {one.name for one in tests if one.is_about_interface}
        beside = {one for one in covering if qualified(one) in asking}
        if covering > beside:
            covering, unnoticed = covering - beside, unnoticed - beside
    idle = _idle(examination, target, covering, unnoticed)
    if idle:
        return failed(
            NAME,
            f"{idle} checks nothing itself, and notices nothing in {target} that no other test notices.",
            "Take it out, or let it check what the code gives.",
            evidence={"idle": idle},
        )
    if covering and len(unnoticed) / len(covering) > MOST_UNNOTICED:
        return failed(
            NAME,
            f"{len(unnoticed)} of {len(covering)} tests pass on every broken version of {target}, "
            f"the first is {sorted(unnoticed)[0]}.",
            "Every test has to assert on the value that the code gives.",
            strength=1 - len(unnoticed) / len(covering),
            evidence={"unnoticed": sorted(unnoticed)[:20]},
        )
    return None


def unnoticing_tests(examination: Examination, target: str, broken: list[Run]) -> set[str]:
    """Tests that run the target and pass on every broken version of it."""
    noticed = {test.nodeid for run in broken for test in run.failed}
    finished = [run for run in broken if run.done]
    # Tests after the one that ended a process have not run; that they did not fail says nothing.
    if not finished:
        return set()
    return {nodeid for nodeid in _covering(examination, target) if nodeid not in noticed}


def _idle(examination: Examination, target: str, covering: set[str], unnoticed: set[str]) -> str:
    """The first new test without a check that notices no broken version, or runs only what others run."""
    if examination.room.task.task_type is not TaskType.UNIT_TEST:
        return ""
    noticing = {name_of(one) for one in covering - unnoticed}
    tests = new_test_functions(examination.room)
    unchecked = {one.node.name for one in tests if not one.count} - {
        one.node.name for one in tests if one.count
    }
    names = dict.fromkeys(map(name_of, examination.new_tests.nodeids))
    candidates = [one for one in names if one.split("::")[-1] in unchecked]
    # A test without a check is worth its place if it alone runs some lines: it would notice a crash there.
    checked: set[int] = set()
    runs: dict[str, set[int]] = {}
    for nodeid, lines in examination.coverage(examination.patched.run("all"), target).by_test.items():
        runs.setdefault(name_of(nodeid), set()).update(lines)
    for name in names.keys() - set(candidates):
        checked |= runs.get(name, set())
    return next(
        (one for one in candidates if one not in noticing or (checked and runs.get(one, set()) <= checked)),
        "",
    )


def _covering(examination: Examination, target: str) -> set[str]:
    covered = examination.coverage(examination.patched.run("all"), target)
    return {nodeid for nodeid in judged_tests(examination) if covered.by_test.get(nodeid)}


def _passed(examination: Examination, target: str, runs: Mapping[str, Run]) -> GateResult:
    covering = _covering(examination, target)
    broken = {name: run for name, run in runs.items() if not name.startswith(("neutral", "intact"))}
    noticed = {test.nodeid for run in broken.values() for test in run.failed} & covering
    values = examination.room.measured.values
    return passed(
        NAME,
        f"{len(noticed)} of {len(covering)} tests notice a broken {target}, and none a harmless change; "
        "so too in plain runs.",
        strength=len(noticed) / len(covering) if covering else 1.0,
        failing={name: len(run.failed) for name, run in sorted(runs.items())},
        wrong_values=values._asdict(),
        blind=examination.room.measured.blind,
    )
