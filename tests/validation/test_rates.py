"""What the kills and survivors of a handful of mutants say."""

import pytest

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.mutation_trials import Trial, rates
from nightcrew.validation.gates.mutation import LEAST_ORACLE

SUBTLE = Mutant(0, 1, "x", "y", 1, 1, "comparison", "f")


def trials(assertion: int, crash: int, survived: int) -> list[Trial]:
    told = ["assertion"] * assertion + ["crash"] * crash + [""] * survived
    return [Trial(SUBTLE, killed_by, "") for killed_by in told]


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
