from decimal import Decimal

import pytest
from stockroom.inventory import Inventory, OutOfStock


@pytest.fixture
def stock():
    inventory = Inventory()
    inventory.receive("AB-0001-X", 10, Decimal("2.00"))
    return inventory


def test_received_pieces_are_on_hand(stock):
    assert stock.on_hand("AB-0001-X") == 10
    assert stock.value("AB-0001-X") == Decimal("20.00")


def test_issue_takes_pieces_at_their_cost(stock):
    assert stock.issue("AB-0001-X", 4) == Decimal("8.00")
    assert stock.on_hand("AB-0001-X") == 6


def test_more_than_is_left_is_refused_and_nothing_taken(stock):
    with pytest.raises(OutOfStock, match="11 asked for, 10 left"):
        stock.issue("AB-0001-X", 11)
    assert stock.on_hand("AB-0001-X") == 10


def test_oldest_lot_goes_first(stock):
    stock.receive("AB-0001-X", 10, Decimal("3.00"))
    stock.issue("AB-0001-X", 10)
    assert stock.value("AB-0001-X") == Decimal("30.00")


@pytest.mark.parametrize(("quantity", "cost"), [(0, "1"), (-1, "1"), (1, "-0.01")])
def test_nonsense_is_not_received(quantity, cost):
    with pytest.raises(ValueError, match="must"):
        Inventory().receive("AB-0001-X", quantity, Decimal(cost))
