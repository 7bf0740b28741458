"""Which tests are run against a fault, and what the kills and survivors of a handful of faults say."""

import pytest

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.mutation_trials import MOST_TESTS, Trial, covering_tests, rates
from nightcrew.validation.gates.mutation import LEAST_ORACLE
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


SUBTLE = Mutant(0, 1, "x", "y", 1, 1, "comparison", "f")


def trials(assertion: int, crash: int, survived: int) -> list[Trial]:
    results = ["assertion"] * assertion + ["crash"] * crash + [""] * survived
    return [Trial(SUBTLE, killed_by, "") for killed_by in results]


@pytest.mark.parametrize(
    ("assertion", "crash", "survived", "enough"),
    [
        (7, 5, 3, True),
        (3, 10, 7, False),  # crashes say nothing about what is asserted
        (1, 4, 2, True),  # too few left to tell
        (0, 4, 2, False),  # no assertion ever noticed anything
        (1, 1, 3, False),
    ],
)
def test_enough_is_noticed_by_assertions(assertion: int, crash: int, survived: int, enough: bool) -> None:
    assert (rates(trials(assertion, crash, survived)).oracle >= LEAST_ORACLE) is enough


@pytest.mark.parametrize(
    ("values", "enough"), [((0, 0), False), ((9, 1), True), ((0, 6), False), ((1, 0), True), ((1, 4), False)]
)
def test_wrong_values_that_tests_notice_are_kills_too(values: tuple[int, int], enough: bool) -> None:
    """Of eighteen faults that did not crash, assertions notice five: alone too few."""
    assert (rates(trials(5, 36, 13), values).oracle >= LEAST_ORACLE) is enough
