from decimal import Decimal

import pytest
from stockroom.money import show, to_cents


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("1.005", "1.01"), ("1.004", "1.00"), ("-1.005", "-1.01"), (3, "3.00")],
)
def test_halves_are_rounded_away_from_zero(amount, cents):
    assert to_cents(amount) == Decimal(cents)


def test_float_is_refused():
    with pytest.raises(TypeError, match="never float"):
        to_cents(1.1)


def test_amounts_are_shown_with_thousands_and_currency():
    assert show(Decimal("1234.5")) == "1,234.50 EUR"
    assert show(Decimal("0.125"), "CHF") == "0.13 CHF"
