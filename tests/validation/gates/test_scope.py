"""What a task may touch, and secrets in a change: keys that tests of cryptography are made of are none."""

from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.gates.scope import Scope, _new_secrets
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import TEST_NAMES, House

KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
ONE, TWO = f'FIRST = """{KEY}\nMII1\n"""\n', f'OTHER = """{KEY} \nMII2\n"""\n'
TOKEN = f"T = '{'ghp_' + 'aB3' * 12}'\n"


@pytest.mark.parametrize(
    ("path", "before", "after", "is_secret"),
    [
        ("tests/test_keys.py", ONE, ONE + TWO, False),
        ("tests/test_keys.py", "", TWO, True),
        ("shop/keys.py", ONE, ONE + TWO, True),
        ("tests/test_keys.py", ONE, ONE + TOKEN, True),
    ],
)
def test_a_key_more_among_the_keys_of_tests(path: str, before: str, after: str, is_secret: bool) -> None:
    room: Any = SimpleNamespace(is_test=lambda path: path.startswith("tests/"))
    assert bool(_new_secrets(room, Change(path, before, after))) is is_secret


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [(TaskType.REFACTORING, GateOutcome.PASS), (TaskType.BUILD_SCRIPT, GateOutcome.FAIL)],
)
def test_tests_may_follow_a_refactoring(house: House, kind: TaskType, outcome: GateOutcome) -> None:
    task = house.task(kind, "src/shop/names.py", acceptance="python -m shop.names")
    found = house.ask(Scope(), {"tests/test_names.py": TEST_NAMES.replace("ada", "eve")}, task)
    assert found.outcome is outcome, found.message
