"""What lies on the shelves: lots, received at a price and issued oldest first."""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from stockroom.money import to_cents


class OutOfStock(Exception):
    """Fewer pieces are left than were asked for; nothing was taken."""


@dataclass
class Lot:
    """Pieces of one article that came in together."""

    quantity: int
    unit_cost: Decimal


class Inventory:
    """Stock of all articles, valued first in, first out."""

    def __init__(self) -> None:
        self._lots: dict[str, deque[Lot]] = {}

    def receive(self, code: str, quantity: int, unit_cost: Decimal) -> None:
        """Put a lot on the shelf."""
        if quantity < 1:
            raise ValueError("quantity must be at least 1")
        if unit_cost < 0:
            raise ValueError("unit cost must not be negative")
        self._lots.setdefault(code, deque()).append(Lot(quantity, unit_cost))

    def on_hand(self, code: str) -> int:
        """How many pieces are left."""
        return sum(lot.quantity for lot in self._lots.get(code, ()))

    def value(self, code: str) -> Decimal:
        """What the pieces that are left have cost."""
        return to_cents(sum((lot.quantity * lot.unit_cost for lot in self._lots.get(code, ())), Decimal(0)))

    def issue(self, code: str, quantity: int) -> Decimal:
        """Take pieces from the oldest lots and return what they have cost.

        Raises:
            OutOfStock: fewer are left; nothing is taken.
        """
        if quantity < 1:
            raise ValueError("quantity must be at least 1")
        if quantity > self.on_hand(code):
            raise OutOfStock(f"{code}: {quantity} asked for, {self.on_hand(code)} left")
        lots, missing = self._lots[code], quantity
        cost = lots[0].unit_cost * quantity
        while missing:
            taken = min(missing, lots[0].quantity)
            lots[0].quantity -= taken
            missing -= taken
            if not lots[0].quantity:
                lots.popleft()
        return to_cents(cost)
