"""What hides or deceives, told from the change alone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.gates.tamper import _unmeasured

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
    room: Any = SimpleNamespace(
        base=tmp_path, patched=tmp_path, changes=(change,), memory={}, is_test=lambda path: False
    )
    found = _unmeasured(room, change)
    assert (found is not None and "hides from measurement" in found[0]) is is_refused
