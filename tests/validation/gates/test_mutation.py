"""A feature's tests notice faults in what it adds to a file, and need not notice those in the rest."""

from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.gate import Gate
from nightcrew.validation.gates.behaviour import Behaviour
from nightcrew.validation.gates.mutation import Mutation
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import GateOutcome, GateResult
from tests.validation.house import NAMES, House, make_house

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


COUNT = """\
class Log:
    def __init__(self):
        self.ok, self.lines = True, []

    def add(self, make):
        try:
            self.lines.append(make())
        finally:
            if self.lines[-1:] == [None]:
                self.lines.pop()
            {end}
"""
OLD = "from shop.log import Log\n\n\ndef test_none():\n    log = Log()\n    log.add(lambda: None)\n"
OLD += "    assert log.lines == [] and log.ok is True\n"


class Both(Gate):
    """The behaviour gate finds the reproducers, then faults are put into the fix."""

    name = "both"

    def run(self, room: CleanRoom) -> GateResult:
        first = Behaviour().run(room)
        return first if first.outcome is not GateOutcome.PASS else Mutation().run(room)


def test_a_fix_that_takes_away_is_shown_by_its_effect(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    path = "src/shop/log.py"
    before, after = COUNT.format(end="return"), COUNT.format(end="self.ok = len(self.lines) >= 0")
    files = {"src/shop/__init__.py": "", path: before, "tests/test_log.py": OLD}
    house = make_house(tmp_path / "repo", settings, sandbox, files)
    test = "import pytest\n\nfrom shop.log import Log\n\n\ndef test_error():\n"
    test += "    with pytest.raises(ZeroDivisionError):\n        Log().add(lambda: 1 / 0)\n"
    task = house.task(TaskType.BUG_FIX, path)
    result = house.ask(Both(), {path: after, "tests/test_error.py": test}, task)
    assert result.outcome is GateOutcome.PASS, result.message
    assert "Other tests notice" in result.message
