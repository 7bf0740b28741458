"""Which edits of existing tests only name what the change adds to the product."""

import pytest

from nightcrew.validation.reading.grown_lists import only_grows

BEFORE = """\
from shop import parse

NAMES = ["a", "b"]


class TestShop:
    kinds = ("a",)

    def test_call(self, ask):
        parse("x")
        ask.assert_called_once_with("x", loud=False)
"""


@pytest.mark.parametrize(
    ("old", "new", "grows"),
    [
        ('"a", "b"]', '"a", "new", "b"]', True),
        ('("a",)', '("a", "new")', True),
        ("loud=False)", "loud=False, new=None)", True),
        ("class TestShop", "def test_new():\n    assert parse('new')\n\n\nclass TestShop", True),
        ('"a", "b"]', '"a", "other", "b"]', False),
        ('"a", "b"]', '"a", "new"]', False),
        ('parse("x")', 'parse("x", new=False)', False),  # the product asks for more, or does something else
        ("loud=False", "loud=True", False),
        ('parse("x")', "pass", False),
        ("class TestShop", "@skip\nclass TestShop", False),
    ],
)
def test_only_what_is_new_may_be_added(old: str, new: str, grows: bool) -> None:
    assert old in BEFORE
    assert only_grows(BEFORE, BEFORE.replace(old, new, 1), {"new"}) is grows
