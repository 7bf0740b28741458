"""Which faults a refactoring is tried with."""

from dataclasses import replace
from pathlib import Path

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from tests.validation.house import FILES, git, make_house

POINTS = "src/shop/points.py"
TEXT = (
    "def points(day):\n    found = []\n"
    + "".join(f"    if day > {number}:\n        found.append(day * {number} + 3)\n" for number in range(20))
    + "    result = 0\n    for one in found:\n        result += one\n    return result\n"
)
SUMMED = TEXT.replace(
    "    result = 0\n    for one in found:\n        result += one\n    return result\n",
    "    return sum(found)\n",
)
TESTS = (
    "from shop.points import points\n\n\n"
    "def test_points():\n    assert points(12) == 828\n    assert points(30) > 100\n"
)


def test_the_same_change_is_tried_with_the_same_faults_whenever_its_base_was_committed(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    house = make_house(
        tmp_path / "r", settings, sandbox, FILES | {POINTS: TEXT, "tests/test_points.py": TESTS}
    )
    verdicts = []
    for message in ("base", "another day"):
        git(house.repo, "commit", "-q", "--amend", "-m", message)
        again = replace(house, commit=git(house.repo, "rev-parse", "HEAD").strip())
        verdicts.append(again.judge({POINTS: SUMMED}, TaskType.REFACTORING, POINTS))
    evidence = [verdict.gates[-1].evidence for verdict in verdicts]
    assert 0.3 < evidence[0]["noticed"] < 1, verdicts[0].summary
    assert verdicts[0] == verdicts[1]
