"""What tests notice of wrong values: others of the same type, texts that are only a letter longer, none."""

import ast

from nightcrew.task import TaskType
from nightcrew.validation.faults.mutation_trials import MOST_TESTS, few
from nightcrew.validation.faults.removals import notices
from nightcrew.validation.faults.target import Target, judged_tests
from nightcrew.validation.gate import answered, failed
from nightcrew.validation.reading.same_code import changed_functions
from nightcrew.validation.reading.smells import new_test_functions
from nightcrew.validation.reading.variants import functions, returning_nothing
from nightcrew.validation.running.examination import Examination, name_of
from nightcrew.validation.running.run_results import Run
from nightcrew.validation.verdict import Finding, GateResult, Severity

LEAST_CHECKING, LEAST_EXACT = 0.4, 0.34  # shares of the tests that get such a value
FEW = 4


def values_noticed(examination: Examination, run: Run) -> tuple[int, list[str]]:
    """The tests that received a wrong value of the right type and did not crash on it: how many fail by an
    assertion, and which do not."""
    judged = judged_tests(examination)
    if examination.room.task.task_type is TaskType.BUG_FIX:
        judged = examination.room.measured.reproducers or judged  # further tests are welcome, not required
    reached = [run.tests[nodeid] for nodeid in judged if nodeid in run.tests]
    reached = [test for test in reached if test.touched]
    checking = sum(test.kind == "assertion" for test in reached if test.failed)
    fixes = examination.room.task.task_type is TaskType.BUG_FIX  # one rejected input may show a bug
    refusals = {
        test.name
        for test in new_test_functions(examination.room)
        if test.only_refuses or (fixes and test.refuses)
    }
    silent = [test.nodeid for test in reached if not test.failed]
    return checking, [one for one in silent if qualified(one) not in refusals]


def blind_to_values(name: str, target: str, checking: int, silent: list[str]) -> GateResult | None:
    """A failed result unless most of the tests that received a wrong value fail."""
    if checking + len(silent) < FEW or checking / (checking + len(silent)) >= LEAST_CHECKING:
        return None
    return failed(
        name,
        f"{len(silent)} of {checking + len(silent)} tests still pass when {target} gives wrong "
        f"values of the right type, "
        f"the first is {silent[0]}.",
        "Assert the exact value in every test, not its type, its truth, or that it equals itself.",
        strength=checking / (checking + len(silent)) * 0.5,
        evidence={"silent": silent[:20]},
    )


def only_parts(name: str, examination: Examination, exact: int, loose: list[str]) -> GateResult | None:
    """A result where nearly all new tests look only for parts of texts."""
    total = exact + len(loose)
    if (
        examination.room.task.task_type is not TaskType.UNIT_TEST
        or total < FEW
        or exact >= LEAST_EXACT * total
    ):
        return None
    what = f"{len(loose)} of {total} tests still pass when each text gets one more letter, as {loose[0]}"
    return answered(
        name,
        [Finding(what, loose[0].split("::")[0], severity=Severity.UNPROVEN)],
        nothing="",
        opening="The tests look only for parts of what they get",
        hint="Compare with the whole value that the code should give.",
        question="",
    )


def known_to_do(examination: Examination, target: Target) -> bool:
    """True where tests of base notice it when the changed functions do nothing. Tests of the change need not
    do so: what is left out now is missing there, too."""
    room, judged = examination.room, set(judged_tests(examination))
    if room.task.task_type is TaskType.UNIT_TEST:
        return False
    change, run = room.change(target.path), examination.patched.run("all")
    changed = changed_functions(change.before if change else None, target.source).values()
    every = {one.lineno for one in functions(ast.parse(target.source))}
    source = returning_nothing(target.source, every - {one.lineno for one in changed})
    passing = {name for name, test in run.tests.items() if not test.failed} - judged
    covered = examination.coverage(run, target.path).by_test
    others = few([one for one in covered if one in passing], MOST_TESTS)
    return bool(others and source) and notices(room, {target.path: source}, others)


def qualified(nodeid: str) -> str:
    """A test's name with its class, as the file spells it."""
    return name_of(nodeid).partition("::")[2].replace("::", ".")
