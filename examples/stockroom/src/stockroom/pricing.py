"""What a customer pays: quantity tiers, loyalty, and tax."""

from dataclasses import dataclass
from decimal import Decimal

from stockroom.money import to_cents

TIERS = ((100, Decimal("0.15")), (50, Decimal("0.10")), (10, Decimal("0.05")))
LOYALTY = {"bronze": Decimal("0"), "silver": Decimal("0.02"), "gold": Decimal("0.05")}
MAX_DISCOUNT = Decimal("0.18")


@dataclass(frozen=True)
class Quote:
    """A price with the way it came about."""

    net: Decimal
    tax: Decimal
    discount: Decimal

    @property
    def gross(self) -> Decimal:
        """What is paid in the end."""
        return self.net + self.tax


def tier_discount(quantity: int) -> Decimal:
    """The share taken off for buying many; the highest tier that is reached counts."""
    if quantity < 1:
        raise ValueError("quantity must be at least 1")
    for minimum, discount in TIERS:
        if quantity >= minimum:
            return discount
    return Decimal("0")


def discount(quantity: int, loyalty: str = "bronze") -> Decimal:
    """Tier and loyalty together, never more than MAX_DISCOUNT."""
    if loyalty not in LOYALTY:
        raise ValueError(f"unknown loyalty level: {loyalty}")
    return min(tier_discount(quantity) + LOYALTY[loyalty], MAX_DISCOUNT)


def quote(unit_price: Decimal, quantity: int, loyalty: str = "bronze", tax_rate: Decimal = Decimal("0.20")) -> Quote:
    """The price of a quantity of one article.

    Net and tax are rounded to cents, each on its own.
    """
    if unit_price < 0:
        raise ValueError("unit price must not be negative")
    if not 0 <= tax_rate < 1:
        raise ValueError("tax rate must be from 0 up to, but not including, 1")
    share = discount(quantity, loyalty)
    net = to_cents(unit_price * quantity * (1 - share))
    return Quote(net=net, tax=to_cents(net * tax_rate), discount=share)
