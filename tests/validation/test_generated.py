"""A constructor that a decorator makes is not gone."""

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.gates.refactoring import _face

WRITTEN = "class Price:\n    def __init__(self, cents: int, currency='EUR'):\n        self.cents = cents\n"
MADE = "@dataclass\nclass Price:\n    cents: int\n    currency: str = 'EUR'\n"


@pytest.mark.parametrize(
    ("after", "is_refused"),
    [
        (MADE, False),
        (MADE.replace("cents: int\n    currency: str = 'EUR'", "currency: str\n    cents: int"), True),
        (MADE.replace("'EUR'", "'USD'"), True),
        (MADE.replace("@dataclass\n", ""), True),
        (MADE.replace("    cents: int\n", ""), True),
    ],
)
def test_a_constructor_that_is_made(after: str, is_refused: bool) -> None:
    found = _face([Change("price.py", WRITTEN, after)])
    assert (found is not None and "__init__" in found.message) is is_refused
