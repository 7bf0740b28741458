"""Amounts of money: exact, in whole cents."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def to_cents(amount: Decimal | int | str) -> Decimal:
    """Round an amount to whole cents, halves away from zero.

    Raises:
        TypeError: for a float, which cannot hold most amounts exactly.
    """
    if isinstance(amount, float):
        raise TypeError("money is Decimal, int or str, never float")
    return Decimal(amount).quantize(CENT, rounding=ROUND_HALF_UP)


def show(amount: Decimal, currency: str = "EUR") -> str:
    """An amount as people read it, e.g. ``1,234.50 EUR``."""
    return f"{to_cents(amount):,.2f} {currency}"
