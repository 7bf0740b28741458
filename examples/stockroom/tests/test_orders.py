from decimal import Decimal

import pytest
from stockroom.inventory import Inventory, OutOfStock
from stockroom.orders import Line, Order, State


def order():
    return Order(7, [Line("AB-0001-X", 2, Decimal("10.00")), Line("CD-0002-Y", 1, Decimal("5.00"))])


def stock(first, second):
    inventory = Inventory()
    inventory.receive("AB-0001-X", first, Decimal("4.00"))
    inventory.receive("CD-0002-Y", second, Decimal("1.50"))
    return inventory


def test_total_includes_tax():
    assert order().total() == Decimal("30.00")


def test_shipping_takes_the_pieces():
    inventory, mine = stock(5, 5), order()
    assert mine.ship(inventory) == Decimal("9.50")
    assert mine.state is State.SHIPPED
    assert (inventory.on_hand("AB-0001-X"), inventory.on_hand("CD-0002-Y")) == (3, 4)


def test_order_waits_when_one_line_is_missing():
    inventory, mine = stock(1, 5), order()
    with pytest.raises(OutOfStock, match="order 7 waits for AB-0001-X"):
        mine.ship(inventory)
    assert mine.state is State.WAITING
    assert inventory.on_hand("CD-0002-Y") == 5


def test_nothing_is_shipped_twice():
    inventory, mine = stock(5, 5), order()
    mine.ship(inventory)
    with pytest.raises(ValueError, match="has been shipped"):
        mine.ship(inventory)
