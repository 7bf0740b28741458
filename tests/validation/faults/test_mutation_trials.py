"""Which tests are run against a fault: not all of many, but always those of the change."""

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.mutation_trials import MOST_TESTS, covering_tests
from nightcrew.validation.running.run_results import Covered

FAULT = Mutant(0, 1, "pass", "x", 7, 7, "taken away", "f")


def test_the_changes_own_tests_are_never_left_out() -> None:
    """A line that every test runs, as a constructor's: one test in many shows why it is there."""
    by_test = {f"t.py::test_{number}": frozenset({7, *range(number)}) for number in range(1000)}
    own = {"t.py::test_501", "t.py::test_998"}
    found = covering_tests(FAULT, Covered(by_test=by_test), tuple(by_test), own)
    assert set(found[:2]) == own
    assert MOST_TESTS // 2 < len(found) == len(set(found)) <= MOST_TESTS + len(own)


def test_tests_that_do_not_run_the_line_are_left_out() -> None:
    by_test = {"t.py::test_a": frozenset({7}), "t.py::test_b": frozenset({8})}
    assert covering_tests(FAULT, Covered(by_test=by_test), tuple(by_test), set(by_test)) == ["t.py::test_a"]
