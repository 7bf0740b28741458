"""A feature's tests notice faults in what it adds to a file, and need not notice those in the rest."""

import pytest

from nightcrew.task import TaskType
from nightcrew.validation.gates.mutation import Mutation
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import NAMES, House

FEATURE = """

def shortened(name, most):
    if len(name) <= most:
        return name
    kept = name[: most - 1]
    return kept + "."
"""
TEST = """\
from shop.names import initials, shortened, shout


def test_shortened():
    shout("a"), initials("a b")
    {check}
"""
STRONG = 'assert (shortened("abcd", 3), shortened("abc", 3)) == ("ab.", "abc")'
WEAK = 'assert shortened("abcd", 3) and shortened("abc", 3)'


@pytest.mark.parametrize(("check", "outcome"), [(STRONG, GateOutcome.PASS), (WEAK, GateOutcome.FAIL)])
def test_only_faults_in_the_feature_count(house: House, check: str, outcome: GateOutcome) -> None:
    change = {"src/shop/names.py": NAMES + FEATURE, "tests/test_shortened.py": TEST.format(check=check)}
    result = house.ask(Mutation(), change, house.task(TaskType.CODE_GENERATION, "src/shop/names.py"))
    assert result.outcome is outcome, result.message
    assert result.is_unproven is (outcome is GateOutcome.FAIL)  # the feature itself may be right


@pytest.mark.parametrize(
    ("check", "outcome"),
    [
        ('assert initials("grace hopper") == "GH"', GateOutcome.PASS),
        ('assert initials("grace hopper")', GateOutcome.FAIL),
    ],
)
def test_one_more_test_beside_those_of_base_notices_a_fault(
    house: House, check: str, outcome: GateOutcome
) -> None:
    more = f"from shop.names import initials\n\n\ndef test_more():\n    {check}\n"
    task = house.task(TaskType.UNIT_TEST, "src/shop/names.py")
    found = house.ask(Mutation(), {"tests/test_more.py": more}, task)
    assert found.outcome is outcome, found.message
