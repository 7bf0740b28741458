"""New tests that cannot pass on this machine are distinguished from new tests that fail."""

from pathlib import Path

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.gates.new_tests import NewTests
from nightcrew.validation.running.marks import marks_in, marks_without_passing_test
from nightcrew.validation.running.run_results import Collected
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import FILES, GOOD_TEST, make_house

MARKED = """\
import pytest


@pytest.mark.{mark}
def test_{name}():
    raise OSError("Network is unreachable")
"""


def test_a_failing_test_is_a_persons_where_no_test_of_base_with_its_mark_passes(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    files = {**FILES, "tests/test_far.py": MARKED.format(mark="network", name="far")}
    house = make_house(tmp_path / "repo", settings, sandbox, files)
    for mark, outcome in (("network", GateOutcome.ASKS), ("slow", GateOutcome.FAIL)):
        change = {
            "tests/test_prices.py": GOOD_TEST,
            "tests/test_new.py": MARKED.format(mark=mark, name="new"),
        }
        task = house.task(TaskType.UNIT_TEST, "src/shop/prices.py")
        result = house.ask(NewTests(), change, task)
        assert result.outcome is outcome, result.message
        assert "test_new" in result.message


def test_a_failing_test_is_a_persons_where_the_product_crashes_in_tests_of_base_too(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    old = "import random\n\n\ndef some():\n    return random.sample({1, 2}, 1)\n"
    test = "from shop.old import some\n\n\ndef test_{name}():\n    assert some()\n"
    files = {**FILES, "src/shop/old.py": old, "tests/test_old.py": test.format(name="old")}
    house = make_house(tmp_path / "repo", settings, sandbox, files)
    alone: dict[str, str | None] = {"tests/test_new.py": test.format(name="new")}
    for change in (alone, alone | {"tests/test_prices.py": GOOD_TEST}):
        result = house.ask(NewTests(), change, house.task(TaskType.UNIT_TEST, "src/shop/prices.py"))
        assert (result.outcome, "test_new" in result.message) == (GateOutcome.ASKS, True), result.message


def test_marks_are_those_of_the_project() -> None:
    text = (
        "from pytest import mark\nimport pytest\n\n@mark.browser\nclass TestA:\n    @pytest.mark.network()\n"
        "    @pytest.mark.parametrize('a', [1])\n    def test_b(self, a):\n        pass\n\n"
        "def test_c():\n    pass\n"
    )
    assert marks_in(text) == {"TestA::test_b": {"browser", "network"}, "test_c": frozenset()}


def test_a_mark_counts_only_where_none_of_its_tests_passes() -> None:
    text = "@mark.a\n@mark.b\ndef test_one(): pass\n\n@mark.b\ndef test_two(): pass\n"
    tests = [Collected(f"t.py::{name}", "t.py", name) for name in ("test_one", "test_two")]
    outcomes = {"t.py::test_one": "failed", "t.py::test_two": "passed"}
    assert marks_without_passing_test(tests, outcomes, lambda _: text) == {"a"}


def test_a_suite_that_reaches_for_the_network_counts_against_no_new_test(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    reaching = (
        "import contextlib\nimport os\nimport socket\n\n\ndef test_{name}():\n"
        "    files = len(os.listdir(os.path.dirname(__file__)))  # another host\n"
        "    with contextlib.suppress(OSError):\n"
        "        socket.getaddrinfo(f'{{files}}.{name}.example', 80)\n"
        "    assert files\n"
    )
    base = {**FILES, "tests/test_old.py": reaching.format(name="old")}
    house = make_house(tmp_path / "repo", settings, sandbox, base)
    quiet: dict[str, str | None] = {"tests/test_prices.py": GOOD_TEST}
    loud = quiet | {"tests/test_new.py": reaching.format(name="new")}
    for change, outcome in ((quiet, GateOutcome.PASS), (loud, GateOutcome.FAIL)):
        result = house.ask(NewTests(), change, house.task(TaskType.UNIT_TEST, "src/shop/prices.py"))
        assert result.outcome is outcome, result.message
