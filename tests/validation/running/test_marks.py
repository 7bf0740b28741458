"""Marks by which a project says what its tests need."""

from nightcrew.validation.running.marks import marks_in, marks_without_passing_test
from nightcrew.validation.running.run_results import Collected

TEXT = """
import pytest
from pytest import mark

@pytest.mark.network
class TestShop:
    @mark.slow
    def test_order(self): ...

    def test_price(self): ...

@pytest.mark.parametrize("x", [1])
def test_plain(x): ...
"""


def test_a_test_has_the_marks_of_its_class_and_none_of_pytests() -> None:
    assert marks_in(TEXT) == {
        "TestShop::test_order": {"network", "slow"},
        "TestShop::test_price": {"network"},
        "test_plain": frozenset(),
    }
    assert marks_in("def test_(:") == {}


def test_one_passing_test_shows_that_a_mark_can_be_met_here() -> None:
    names = ("TestShop::test_order", "TestShop::test_price", "test_plain")
    tests = [Collected(f"test_shop.py::{name}", "test_shop.py", name) for name in names]
    failing = {one.nodeid: "failed" for one in tests}
    assert marks_without_passing_test(tests, failing, lambda _: TEXT) == {"network", "slow"}
    price_passes = failing | {tests[1].nodeid: "passed"}
    assert marks_without_passing_test(tests, price_passes, lambda _: TEXT) == {"slow"}
