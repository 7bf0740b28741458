"""Tests whose ids hold the time of their run are the same tests."""

import pytest

from nightcrew.validation.running.old_tests import has_other_id
from nightcrew.validation.running.run_results import TestOutcome


@pytest.mark.parametrize(
    ("known", "ran", "failed", "same"),
    [
        (["t.py::test_a[1:03]", "t.py::test_a[x]"], ["t.py::test_a[1:05]", "t.py::test_a[x]"], [], True),
        (["t.py::test_a[01:18:03]"], ["t.py::test_a[01:18:05]"], ["t.py::test_a[01:18:05]"], False),
        (["t.py::test_a[1]", "t.py::test_a[x]"], ["t.py::test_a[x]"], [], False),  # one is lost
        (["t.py::test_a[1]", "t.py::test_a[x]"], ["t.py::test_a[2]"], [], False),
        (["t.py::test_a[1]"], ["t.py::test_ab[2]"], [], False),
        (["t.py::test_a[1]"], [], [], False),
    ],
)  # fmt: skip
def test_a_test_may_have_another_id_in_each_run(
    known: list[str], ran: list[str], failed: list[str], same: bool
) -> None:
    tests = {one: TestOutcome(one, "failed" if one in failed else "passed", "", "", 0.0) for one in ran}
    assert has_other_id(known[0], known, tests) is same
