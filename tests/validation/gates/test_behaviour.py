"""Tests that fail with a change: what it breaks is distinguished from flaky tests."""

import pytest

from nightcrew.task import TaskType
from nightcrew.validation.gates.behaviour import Behaviour
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import NAMES, House

NOW_AND_THEN = """\
import random


def initials(name):
    text = "".join(part[0].upper() for part in name.split())
    return text if random.random() < {most} else "?"
"""
ELSE = NAMES.partition("\n\n\n")[2]


# The runs draw other numbers each; the first of them begins with 0.84.
@pytest.mark.parametrize(("most", "outcome"), [(0.8, GateOutcome.PASS), (0.0, GateOutcome.FAIL)])
def test_a_test_that_now_passes_and_now_fails_refuses_nothing(
    house: House, most: float, outcome: GateOutcome
) -> None:
    code = f"{NOW_AND_THEN.format(most=most)}\n\n{ELSE}"
    task = house.task(TaskType.CODE_GENERATION, "src/shop/names.py")
    result = house.ask(Behaviour(), {"src/shop/names.py": code}, task)
    assert result.outcome is outcome, result.message
