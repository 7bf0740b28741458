"""Operands of `and`: which need no test of their own, and which only look like it."""

import pytest

from nightcrew.validation.faults.details import Details, Fate
from nightcrew.validation.faults.notes import ALTERNATIVE, OPERAND
from nightcrew.validation.faults.parts import parts_of

BASE = "def f(x, y):\n    if not (x or y.done):\n        raise ValueError(x)\n    return g(x)\n"


def with_operand(new: str) -> str:
    return BASE.replace("x or y.done", f"x or y.done or ({new})")


def with_branch(test: str) -> str:
    return BASE.replace("    return", f"    if {test}:\n        return h(x)\n    return")


def asked(after: str, missed: tuple[str, ...], *, is_feature: bool = True) -> set[str]:
    """What is tried in place of each part that needs a test; tests miss what `missed` replaces."""
    parts = [
        one for one in parts_of(BASE, after) if one.operator in (OPERAND, ALTERNATIVE) or "(" in one.text
    ]
    fates = {one: Fate.NOTICED if one.text in missed else Fate.UNNOTICED for one in parts}
    details = Details(BASE, after, fates, is_feature=is_feature)
    return {one.text for one in parts if fates[one] is Fate.UNNOTICED and not details.holds(one)}


WHOLE = ("(x or y.done)",)
TAKEN = ("(False)", "(True)")


@pytest.mark.parametrize(
    ("length", "index", "fits"),
    [
        (">= 3", "-3", True),
        ("> 2", "2", True),
        (">= 4", "-3", False),
        ("> 3", "-3", False),
        (">= 1", "1", False),
    ],
)
def test_a_length_that_an_index_needs_is_right_without_a_test(length: str, index: str, fits: bool) -> None:
    after = with_operand(f"len(y) {length} and y[{index}].kind")
    left = asked(after, (*WHOLE, f"(len(y) {length})"), is_feature=False)
    assert (not any("y" in one for one in left)) is fits, left


@pytest.mark.parametrize("after", [with_operand("y.left and g(y)"), with_branch("y.left and g(y)")])
def test_an_operand_that_narrows_what_a_feature_adds_needs_no_test(after: str) -> None:
    narrowing = {"(y.left)", "(g(y))"}
    assert not narrowing & asked(after, (*WHOLE, *TAKEN))
    assert "(y.left)" in asked(after, (*WHOLE, *TAKEN), is_feature=False)  # a fix may be too narrow
    assert "(y.left)" in asked(after, ("(True)",))  # nothing shows the new behaviour at all


@pytest.mark.parametrize(
    "after",
    [
        with_operand("y.left and y.key == 'letmein'"),
        with_operand("y.left and len(y.key) == 77"),
        with_operand("not (y.left and g(y))"),
        with_branch("not (y.left and g(y))"),
    ],
)
def test_a_value_that_decides_and_what_widens_need_one(after: str) -> None:
    assert "(y.left)" in asked(after, (*WHOLE, *TAKEN))
