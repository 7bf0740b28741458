"""What hides or deceives, found in the change alone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.tree import Tree
from nightcrew.validation.gates.tamper import Tamper, unmeasured
from nightcrew.validation.verdict import GateOutcome

PLAIN = "def one():\n    return 1\n\n\ndef two():\n    return 2\n"
HIDDEN = PLAIN.replace("return 2", "return 2  # pragma: no cover")


@pytest.mark.parametrize(
    ("before", "after", "elsewhere", "is_refused"),
    [
        (PLAIN, HIDDEN, "", True),
        (PLAIN, HIDDEN, HIDDEN, False),  # the project's habit
        (PLAIN, HIDDEN.replace("pragma: no cover", "pytest: skip"), HIDDEN, True),
        (PLAIN, PLAIN.replace("return 2", "return 3"), "", False),
        (HIDDEN, PLAIN, "", False),
    ],
)
def test_a_product_without_marks_for_coverage_gets_none(
    tmp_path: Path, before: str, after: str, elsewhere: str, is_refused: bool
) -> None:
    (tmp_path / "prices.py").write_text(before)
    (tmp_path / "other.py").write_text(elsewhere)
    change = Change("prices.py", before, after)
    room: Any = SimpleNamespace(base_tree=Tree(tmp_path), is_test=lambda path: False)
    assert any("hides from measurement" in one for one in unmeasured(room, change)) is is_refused


TRICKS = {
    "exit": "import os\n\n\ndef f():\n    os._exit(0)\n",
    "exit by another name": "from os import _exit as leave\n\n\ndef f():\n    leave(0)\n",
    "exit in pieces": "import os\n\n\ndef f():\n    getattr(os, '_ex' + 'it')(0)\n",
    "trace of something unknown": "def f(system):\n    getattr(system, 'settrace')(None)\n",
    "the interpreter's reports": "import sys\n\n\ndef f():\n    sys.monitoring.set_events(3, 0)\n",
    "the interpreter's reports, named otherwise": "from sys import monitoring as m\n\nX = m.free_tool_id\n",
    "frames": "import sys\n\nX = sys._getframe\n",
    "a look at the runner": "import sys\n\nX = 'pytest' in sys.modules\n",
    "the runner's name": "X = 'py' + 'test'\n",
    "an import of the runner": "import unittest.mock as m\n",
}
TEST_TRICKS = {
    "a hook": "def pytest_runtest_makereport(item, call):\n    pass\n",
    "plugins": "pytest_plugins = ['shop.names']\n",
    "a replacement": "import shop\n\nshop.price = lambda: 1\n",
    "a replacement by name": "import shop\n\nsetattr(shop, 'price', 1)\n",
    "the judge's place": "X = '/workspace/a'\n",
    "a deciding file": "def test_a():\n    with open('conftest.py', 'w') as file:\n        file.write('')\n",
}


@pytest.mark.parametrize("kind", [*TRICKS, *TEST_TRICKS])
def test_a_trick_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "shop").mkdir()
    is_test = kind in TEST_TRICKS
    change = Change("tests/test_a.py" if is_test else "a.py", None, (TRICKS | TEST_TRICKS)[kind])
    assert Tamper().run(_room(tmp_path, change)).outcome is GateOutcome.FAIL


@pytest.mark.parametrize(
    "text",
    [
        "pytest_plugins = ['pytester']\n",
        "def test_a(tmp_path):\n    (tmp_path / 'setup.cfg').write_text('')\n",
        "import shop\n\nX = shop.price\n",
    ],
)
def test_what_tests_usually_do_is_no_trick(tmp_path: Path, text: str) -> None:
    (tmp_path / "shop").mkdir()
    assert Tamper().run(_room(tmp_path, Change("tests/test_a.py", None, text))).outcome is GateOutcome.PASS


def _room(folder: Path, change: Change) -> Any:
    made: dict[Any, Any] = {}
    room = SimpleNamespace(
        base=folder, base_tree=Tree(folder), changes=(change,), is_test=lambda path: path.startswith("tests/")
    )
    room.once = lambda make: made.setdefault(make, make(room))
    return room
