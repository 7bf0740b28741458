import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    code: str
    quantity: int
    days_left: float

    @property
    def urgent(self) -> bool:
        return self.days_left < 2


def mean_demand(sold: Sequence[int], window: int = 14) -> float:
    if window < 1:
        raise ValueError("window must be at least 1")
    recent = sold[-window:]
    return sum(recent) / len(recent) if recent else 0.0


def reorder_point(demand: float, lead_days: float, safety_days: float = 3) -> int:
    if demand < 0 or lead_days < 0 or safety_days < 0:
        raise ValueError("demand and days must not be negative")
    return math.ceil(demand * (lead_days + safety_days))


def days_of_cover(on_hand: int, demand: float) -> float:
    return math.inf if demand == 0 else on_hand / demand


def advise(code: str, on_hand: int, sold: Sequence[int], lead_days: float, pack_size: int = 1) -> Advice | None:
    demand = mean_demand(sold)
    point = reorder_point(demand, lead_days)
    if on_hand > point:
        return None
    missing = point * 2 - on_hand
    packs = math.ceil(missing / pack_size)
    return Advice(code, packs * pack_size, days_of_cover(on_hand, demand))
