"""Tests that fail with a change: what it breaks is distinguished from flaky tests."""

from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.gates.behaviour import Behaviour
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import NAMES, House, make_house

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


@pytest.mark.parametrize(
    ("call", "outcome"),
    [("shout('a', mark='?')", GateOutcome.ASKS), ("initials('a', mark='?')", GateOutcome.FAIL)],
)
def test_whether_base_lacks_a_parameter_by_mistake_is_for_a_person(
    house: House, call: str, outcome: GateOutcome
) -> None:
    code = NAMES.replace("shout(name):\n", "shout(name, **given):\n")
    code = code.replace('name.upper() + "!"', 'name.upper() + given.get("mark", "!")')
    test = "from shop.names import initials, shout\n\n\ndef test_mark():\n    assert shout('b') == 'B!'\n"
    test += f"    assert {call} == 'A?'\n"
    files = {"src/shop/names.py": code, "tests/test_mark.py": test}
    result = house.ask(Behaviour(), files, house.task(TaskType.BUG_FIX, "src/shop/names.py"))
    assert result.outcome is outcome, result.message


TELLS = "def told(text):\n    return text\n"
READS = """\
from pathlib import Path

from shop.telling import told


def test_told():
    assert told((Path(__file__).parents[1] / "{folder}" / "new.txt").read_text()) == "new"
"""


@pytest.mark.parametrize(
    ("folder", "outcome"), [("cases/one", GateOutcome.PASS), ("src/shop/data", GateOutcome.FAIL)]
)
def test_files_that_no_product_holds_are_given_to_base(
    tmp_path: Path, settings: Settings, sandbox: Sandbox, folder: str, outcome: GateOutcome
) -> None:
    """On base the test fails because of a blank, or in itself: the product's own file is not there."""
    files = {
        "src/shop/__init__.py": "",
        "src/shop/telling.py": TELLS,
        "tests/test_old.py": "def test_old(): pass\n",
    }
    house = make_house(tmp_path / "repo", settings, sandbox, files)
    change = {
        "src/shop/telling.py": TELLS.replace("text\n", "text.strip()\n"),
        f"{folder}/new.txt": "new\n",
        "tests/test_told.py": READS.format(folder=folder),
    }
    result = house.ask(Behaviour(), change, house.task(TaskType.BUG_FIX, "src/shop/telling.py"))
    assert result.outcome is outcome, result.message
