"""Parcels for an order: which pieces travel together, and what the carrier takes for it."""

from collections.abc import Iterable
from decimal import Decimal

MAX_GRAMS = 10_000


def pack(weights: Iterable[int], limit: int = MAX_GRAMS) -> list[list[int]]:
    """Put pieces into as few parcels as first-fit, heaviest first, needs.

    Args:
        weights: Weight of each piece in grams.
        limit: The most that one parcel may weigh, in grams.

    Returns:
        The parcels, each the weights of its pieces.

    Raises:
        ValueError: a piece weighs nothing, less than nothing, or more than a parcel may.
    """
    parcels: list[list[int]] = []
    for weight in sorted(weights, reverse=True):
        if not 0 < weight < limit:
            raise ValueError(f"a piece of {weight} g cannot be sent")
        for parcel in parcels:
            if sum(parcel) + weight < limit:
                parcel.append(weight)
                break
        else:
            parcels.append([weight])
    return parcels


def postage(grams: int, express: bool = False, abroad: bool = False) -> Decimal:
    """What the carrier takes for one parcel."""
    if grams <= 0 or grams > MAX_GRAMS:
        raise ValueError(f"no tariff for {grams} g")
    if abroad:
        if express:
            if grams <= 1000:
                price = Decimal("24.00")
            else:
                if grams <= 5000:
                    price = Decimal("38.00")
                else:
                    price = Decimal("56.00")
        else:
            if grams <= 1000:
                price = Decimal("9.50")
            else:
                if grams <= 5000:
                    price = Decimal("17.00")
                else:
                    price = Decimal("29.00")
    else:
        if express:
            if grams <= 1000:
                price = Decimal("11.00")
            else:
                if grams <= 5000:
                    price = Decimal("14.00")
                else:
                    price = Decimal("19.00")
        else:
            if grams <= 1000:
                price = Decimal("4.20")
            else:
                if grams <= 5000:
                    price = Decimal("6.90")
                else:
                    price = Decimal("9.90")
    return price
