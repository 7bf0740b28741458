"""Controls of a change that only adds values: no function has to run, and base's text must fail."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.gate import Gate
from nightcrew.validation.gates.acceptance import Acceptance
from nightcrew.validation.gates.controls import Controls
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import House, make_house

CODE = "src/shop/kinds.py"
BASE = 'LIMITS = {"pear": 3}\n\n\ndef cheapest(prices):\n    return min(prices)\n'
NEW = BASE.replace('"pear": 3', '"pear": 3, "plum": 4')
TEST = "from shop.kinds import LIMITS\n\n\ndef test_limits():\n    assert LIMITS[{fruit!r}] == {limit}\n"

SCRIPT, MAKES = "bin/make.py", "def make():\n    return 1\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    files = {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
        "src/shop/__init__.py": "",
        CODE: BASE,
        SCRIPT: MAKES,
        "tests/test_prices.py": "from shop.kinds import cheapest\n\n\n"
        "def test_it():\n    assert cheapest([2, 1]) == 1\n",
    }
    return make_house(tmp_path_factory.mktemp("values") / "repo", settings, sandbox, files)


@pytest.mark.parametrize(
    ("gate", "fruit", "target", "outcome"),
    [
        (Controls, "plum", SCRIPT, GateOutcome.PASS),  # a function of a script changes beside the value
        (Controls, "pear", CODE, GateOutcome.FAIL),
        (Acceptance, "plum", SCRIPT, GateOutcome.PASS),
    ],
)
def test_a_new_value_is_judged_by_its_absence(
    shop: House, gate: Callable[[], Gate], fruit: str, target: str, outcome: GateOutcome
) -> None:
    test = TEST.format(fruit=fruit, limit={"pear": 3, "plum": 4}[fruit])
    task = shop.task(TaskType.CODE_GENERATION, target).model_copy(
        update={"acceptance": "python -m pytest -q tests/test_limits.py"}
    )
    files = {CODE: NEW, "tests/test_limits.py": test} | (
        {SCRIPT: MAKES.replace("1", "2")} if target == SCRIPT else {}
    )
    result = shop.ask(gate(), files, task)
    assert result.outcome is outcome, result.message


RUNS_ITSELF = """\
import sys
import unittest

from shop.kinds import cheapest


class Cheapest(unittest.TestCase):
    def test_it(self):
        self.assertEqual(cheapest([3, 2]), {expected})


found = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(Cheapest))
if not found.wasSuccessful():
    sys.exit(1)
"""
UNCALLED = BASE + "\n\ndef dearest(prices):\n    return max(prices)\n"


def test_tests_that_run_themselves_at_import_are_not_accused_of_judging_nothing(shop: House) -> None:
    test = {"tests/test_self.py": RUNS_ITSELF.replace("{expected}", "2")}
    result = shop.ask(Controls(), {CODE: UNCALLED, **test}, shop.task(TaskType.UNIT_TEST, CODE))
    assert result.outcome is GateOutcome.PASS, result.message
    idle = {"tests/test_self.py": RUNS_ITSELF.replace("cheapest([3, 2]), {expected}", "2, 2")}
    result = shop.ask(Controls(), {CODE: UNCALLED, **idle}, shop.task(TaskType.UNIT_TEST, CODE))
    assert result.outcome is GateOutcome.FAIL, result.message


@pytest.mark.parametrize(
    ("task_type", "code", "function"),
    [(TaskType.CODE_GENERATION, UNCALLED, "dearest"), (TaskType.UNIT_TEST, BASE, "cheapest")],
)
def test_tests_that_check_nothing_are_asked_for_more_beside_code_that_may_be_right(
    shop: House, task_type: TaskType, code: str, function: str
) -> None:
    test = (
        f"from shop.kinds import {function}\n\n\ndef test_idle():\n    assert {function}([1]) or {function}\n"
    )
    result = shop.ask(Controls(), {CODE: code, "tests/test_idle.py": test}, shop.task(task_type, CODE))
    assert result.outcome is GateOutcome.FAIL, result.message
    assert result.is_unproven is (task_type is not TaskType.UNIT_TEST)


NOTED = """

def note(prices, names):
    {also}
    names.append(min(prices))
"""


@pytest.mark.parametrize("known", [True, False])
def test_a_test_of_what_is_left_out_now_stands_beside_those_of_what_is_done(
    tmp_path: Path, settings: Settings, sandbox: Sandbox, known: bool
) -> None:
    old = "def test_note():\n    names = []\n    note([2, 1], names)\n    assert 1 in names\n"
    import_it = "from shop.kinds import note\n\n\n"
    files = {
        "src/shop/__init__.py": "",
        CODE: BASE + NOTED.format(also="names.append(0)"),
        "tests/test_old.py": import_it + (old if known else "def test_x():\n    assert note\n"),
    }
    house = make_house(tmp_path / "repo", settings, sandbox, files)
    test = "def test_no_zero():\n    names = []\n    note([2, 1], names)\n    assert 0 not in names\n"
    change = {CODE: BASE + NOTED.format(also="pass"), "tests/test_no_zero.py": import_it + test}
    result = house.ask(Controls(), change, house.task(TaskType.BUG_FIX, CODE))
    assert result.is_unproven is not known, result.message


WHAT = "from shop.kinds import Basket\n\n\ndef test_what():\n    assert Basket().cheapest([2, 1]) == 1\n"
HAS = """

def test_has():
    assert hasattr(Basket, "cheapest")
    assert isinstance(make(), Basket)


def make():
    try:
        return Basket()
    except RuntimeError:
        return object.__new__(Basket)
"""


@pytest.mark.parametrize(
    ("has", "outcome"),
    [(HAS, GateOutcome.PASS), (HAS.replace('(Basket, "', '(Basket, "") or ("'), GateOutcome.FAIL)],
)
def test_a_test_of_what_a_class_has_stands_beside_those_of_what_it_does(
    shop: House, has: str, outcome: GateOutcome
) -> None:
    code = BASE + "\n\nclass Basket:\n    def __init__(self):\n        self.all = []\n\n"
    code += "    def cheapest(self, prices):\n        return min(prices)\n"
    files = {CODE: code, "tests/test_basket.py": WHAT + has}
    result = shop.ask(Controls(), files, shop.task(TaskType.CODE_GENERATION, CODE))
    assert result.outcome is outcome, result.message
