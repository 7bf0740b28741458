"""What hides or deceives, told from the change alone."""

import ast

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.gates.tamper import _in_product

HIDDEN = "def one():\n    return 1  # pragma: no cover\n\n\ndef two():\n    return 2\n"


@pytest.mark.parametrize(
    ("after", "is_refused"),
    [
        (HIDDEN.replace("return 2", "return 2  # pragma: no cover"), True),
        (HIDDEN.replace("return 2", "return 3"), False),
        (HIDDEN.replace("  # pragma: no cover", ""), False),
    ],
)
def test_no_more_may_be_hidden_than_base_hides(after: str, is_refused: bool) -> None:
    change = Change("prices.py", HIDDEN, after)
    found = _in_product(change, ast.parse(HIDDEN), ast.parse(after))
    assert (found is not None and "hides from measurement" in found[0]) is is_refused
