"""Customers' orders: lines, totals, and what happens to them."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from stockroom.inventory import Inventory, OutOfStock
from stockroom.pricing import quote


class State(Enum):
    """Where an order stands."""

    OPEN = "open"
    SHIPPED = "shipped"
    WAITING = "waiting"


@dataclass(frozen=True)
class Line:
    """So many pieces of one article."""

    code: str
    quantity: int
    unit_price: Decimal


@dataclass
class Order:
    """What one customer wants."""

    number: int
    lines: list[Line] = field(default_factory=list)
    loyalty: str = "bronze"
    state: State = State.OPEN

    def total(self) -> Decimal:
        """What the customer pays, tax included."""
        quotes = [quote(line.unit_price, line.quantity, self.loyalty) for line in self.lines]
        return sum((one.gross for one in quotes), Decimal(0))

    def ship(self, stock: Inventory) -> Decimal:
        """Take every line from the stock and return what the pieces have cost.

        An order that cannot be filled whole waits, and nothing is taken.
        """
        if self.state is State.SHIPPED:
            raise ValueError(f"order {self.number} has been shipped")
        wanted: dict[str, int] = {}
        for line in self.lines:
            wanted[line.code] = wanted.get(line.code, 0) + line.quantity
        for code, quantity in wanted.items():
            if stock.on_hand(code) < quantity:
                self.state = State.WAITING
                raise OutOfStock(f"order {self.number} waits for {code}")
        cost = sum((stock.issue(code, quantity) for code, quantity in wanted.items()), Decimal(0))
        self.state = State.SHIPPED
        return cost
