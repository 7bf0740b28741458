from decimal import Decimal

import pytest
from stockroom.parcels import pack, postage


def test_heaviest_pieces_are_packed_first():
    assert pack([2000, 7000, 2500, 600]) == [[7000, 2500], [2000, 600]]


def test_a_piece_that_is_too_heavy_is_refused():
    with pytest.raises(ValueError, match="10001 g"):
        pack([10_001])


def test_nothing_to_send_needs_no_parcel():
    assert pack([]) == []


@pytest.mark.parametrize(
    ("grams", "home", "home_express", "abroad", "abroad_express"),
    [
        (1, "4.20", "11.00", "9.50", "24.00"),
        (1000, "4.20", "11.00", "9.50", "24.00"),
        (1001, "6.90", "14.00", "17.00", "38.00"),
        (5000, "6.90", "14.00", "17.00", "38.00"),
        (5001, "9.90", "19.00", "29.00", "56.00"),
        (10_000, "9.90", "19.00", "29.00", "56.00"),
    ],
)
def test_postage(grams, home, home_express, abroad, abroad_express):
    assert postage(grams) == Decimal(home)
    assert postage(grams, express=True) == Decimal(home_express)
    assert postage(grams, abroad=True) == Decimal(abroad)
    assert postage(grams, express=True, abroad=True) == Decimal(abroad_express)


@pytest.mark.parametrize("grams", [0, -5, 10_001])
def test_no_tariff(grams):
    with pytest.raises(ValueError, match="no tariff"):
        postage(grams)
