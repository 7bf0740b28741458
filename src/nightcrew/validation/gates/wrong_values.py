"""What tests notice of wrong values: others of the same type, and texts that are only a letter longer."""

from nightcrew.task import TaskType
from nightcrew.validation.faults.target import judged_tests
from nightcrew.validation.gate import answered, failed
from nightcrew.validation.reading.smells import new_test_functions
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


def qualified(nodeid: str) -> str:
    """A test's name with its class, as the file spells it."""
    return name_of(nodeid).partition("::")[2].replace("::", ".")
