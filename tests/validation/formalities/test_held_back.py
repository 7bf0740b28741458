"""What base does without asking."""

import pytest

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import CONDITION
from nightcrew.validation.formalities.held_back import holds_back
from nightcrew.validation.reading.source_text import SourceText


@pytest.mark.parametrize(
    ("before", "held"),
    [
        ("x.clear()\n    h(x)", True),
        ("if not x:\n        return\n    x.clear()\n    h(x)", True),
        ("try:\n        h(x)\n    finally:\n        x.clear()", True),
        ("if not y:\n        return\n    x.clear()\n    h(x)", False),
        ("if x:\n        x.clear()\n    h(x)", False),
        ("h(x)", False),
    ],
)
def test_a_statement_that_base_has_outside_of_conditions(before: str, held: bool) -> None:
    old = f"def f(x, y):\n    {before}\n"
    new = "def f(x, y):\n    if y:\n        x.clear()\n    h(x)\n"
    start = new.index("y:\n")
    part = Mutant(start, start + 1, "(True)", "y", 2, 2, CONDITION, "f")
    assert holds_back(part, old, SourceText(new)) is held
