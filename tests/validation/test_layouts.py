# ruff: noqa: E501
"""Honest work in repositories that are laid out or run in other ways than the house's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.verdict import Verdict, VerdictKind
from tests.validation.house import FILES, GOOD_TEST, PRICES, make_house

type Judge = Callable[[dict[str, str], dict[str, str | None], TaskType, str], Verdict]
TARGET = "src/shop/prices.py"
TEST = "tests/test_prices.py"
BROKEN = PRICES.replace("if total >= LIMIT", "if total > LIMIT")
UNITTEST = """\
import unittest

from shop.prices import discount, parse_price, total


class PricesTest(unittest.TestCase):
    def test_discount(self):
        for amount, member, percent in [(0, False, 0), (99, False, 0), (100, False, 10), (101, True, 15)]:
            self.assertEqual(discount(amount, member), percent)

    def test_refusals(self):
        with self.assertRaises(ValueError):
            discount(-1, False)
        with self.assertRaises(ValueError):
            parse_price("3.50 USD")

    def test_parse_price(self):
        self.assertEqual(parse_price(" 3.5 EUR "), 350)
        self.assertEqual(parse_price("1.239"), 123)

    def test_total(self):
        self.assertEqual(total(["1.00", "2.50 EUR"]), 350)
        self.assertEqual(total([]), 0)
"""


@pytest.fixture
def judge(tmp_path: Path, settings: Settings, sandbox: Sandbox) -> Judge:
    def verdict(base: dict[str, str], change: dict[str, str | None], kind: TaskType, target: str) -> Verdict:
        return make_house(tmp_path / "repo", settings, sandbox, base).judge(change, kind, target)

    return verdict


def accepted(verdict: Verdict) -> bool:
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary
    return True


def test_a_fix_that_makes_failing_tests_of_base_pass_needs_no_other(judge: Judge) -> None:
    base = FILES | {TARGET: BROKEN, TEST: GOOD_TEST}
    assert accepted(judge(base, {TARGET: PRICES}, TaskType.BUG_FIX, TARGET))


@pytest.mark.parametrize(
    "command", ["python -m unittest tests", "python tests.py", "python -m unittest discover"]
)
def test_tests_that_unittest_runs_are_found(judge: Judge, command: str) -> None:
    files = {"shop/__init__.py": "", "shop/prices.py": PRICES, "nightcrew.toml": f'test = "{command}"\n'}
    assert accepted(judge(files, {"tests.py": UNITTEST}, TaskType.UNIT_TEST, "shop/prices.py"))


@pytest.mark.parametrize("kind", [TaskType.UNIT_TEST, TaskType.BUG_FIX, TaskType.REFACTORING])
def test_a_suite_that_cannot_run_is_no_fault_of_the_change(judge: Judge, kind: TaskType) -> None:
    base = FILES | {"tests/conftest.py": "import no_such_package_of_shop\n", TARGET: BROKEN}
    change: dict[str, str | None] = {
        TEST: GOOD_TEST.replace("(100, False, 10), (101, True, 15)", "(101, True, 15)")
    }
    change = {TARGET: BROKEN.replace("result", "found")} if kind is TaskType.REFACTORING else change
    change = change | {TARGET: PRICES} if kind is TaskType.BUG_FIX else change
    verdict = judge(base, change, kind, TARGET)
    assert verdict.kind is VerdictKind.NOT_MEASURABLE, verdict.summary
    assert "no_such_package_of_shop" in verdict.feedback
    assert "nightcrew.toml" in verdict.feedback


def test_code_whose_dependency_is_not_declared_is_no_fault_of_its_tests(judge: Judge) -> None:
    base = FILES | {TARGET: "import no_such_package_of_shop\n\n" + PRICES}
    verdict = judge(base, {TEST: GOOD_TEST}, TaskType.UNIT_TEST, TARGET)
    assert verdict.kind is VerdictKind.NOT_MEASURABLE, verdict.summary
    assert "src/shop/prices.py, which the change does not touch, cannot be imported" in verdict.feedback


def test_code_that_runs_the_tests_itself_goes_to_a_person(judge: Judge) -> None:
    files = {
        "src/iniconfig/__init__.py": PRICES,
        "pyproject.toml": '[project]\nname = "iniconfig"\nversion = "1"\n',
    }
    change: dict[str, str | None] = {"tests/test_it.py": GOOD_TEST.replace("shop.prices", "iniconfig")}
    verdict = judge(files, change, TaskType.UNIT_TEST, "src/iniconfig/__init__.py")
    assert verdict.kind is VerdictKind.NOT_MEASURABLE, verdict.summary
    assert "iniconfig is a part of pytest" in verdict.feedback


PLUGIN = """\
import pytest


class Till:
    def __init__(self):
        self.cents = 0

    def take(self, cents):
        if cents < 0:
            raise ValueError("money is not negative")
        self.cents += cents
        return self.cents


@pytest.fixture
def till():
    return Till()
"""
TEST_PLUGIN = """\
import pytest


def test_money_adds_up(till):
    assert till.take(5) == 5
    assert till.take(7) == 12
    assert till.cents == 12


def test_it_begins_empty(till):
    assert till.cents == 0
    assert till.take(0) == 0


def test_refusal(till):
    with pytest.raises(ValueError):
        till.take(-1)
"""


def test_a_pytest_plugin_is_there_for_its_own_tests(judge: Judge) -> None:
    """It is not installed, as its users have it: its entry point is read from the declaration."""
    project = (
        '[project]\nname = "pytest-till"\nversion = "1"\n[project.entry-points.pytest11]\ntill = "till"\n'
    )
    base = {"till.py": PLUGIN, "pyproject.toml": project}
    assert accepted(judge(base, {"tests/test_till.py": TEST_PLUGIN}, TaskType.UNIT_TEST, "till.py"))


def test_a_target_that_conftest_imports_is_judged_like_any_other(judge: Judge) -> None:
    """What happens at its import cannot be tried there: those faults are tried later."""
    base = FILES | {"tests/conftest.py": "import shop.prices\n"}
    assert accepted(judge(base, {TEST: GOOD_TEST}, TaskType.UNIT_TEST, TARGET))


def test_a_project_in_a_folder_is_judged_where_its_tests_start(judge: Judge) -> None:
    """Its neighbour is imported from the workspace; `test` says the variable and the folder that it needs."""
    reads = "import os\nfrom pathlib import Path\n\n\ndef test_world():\n    assert Path('data.txt').read_text() == os.environ['SHOP_MODE']\n"
    base = {
        "nightcrew.toml": 'test = "SHOP_MODE=fast cd services/shop && python -m pytest tests"\n',
        "services/shop/pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = ["acme-till"]\n',
        "services/shop/src/shop/__init__.py": "",
        "services/shop/src/shop/prices.py": "import till\n" + BROKEN,
        "services/shop/data.txt": "fast",
        "services/shop/tests/test_world.py": reads,
        "services/till/pyproject.toml": '[project]\nname = "acme-till"\nversion = "1"\n',
        "services/till/src/till/__init__.py": "",
    }
    change: dict[str, str | None] = {
        "services/shop/src/shop/prices.py": "import till\n" + PRICES,
        "services/shop/tests/test_prices.py": GOOD_TEST,
    }
    assert accepted(judge(base, change, TaskType.BUG_FIX, "services/shop/src/shop/prices.py"))
