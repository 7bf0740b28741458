"""Objects of the product are stored as the calls that made them."""

import sys
from pathlib import Path
from typing import Any

import pytest

from nightcrew.validation.rig import making
from nightcrew.validation.rig.making import Makings, unkept


class Basket:
    def __init__(self, prices: list[int], limit: int = 0) -> None:
        self.prices, self.limit = list(prices), limit

    def add(self, price: int) -> None:
        self.prices.append(price)


def found(module: str, name: str) -> Any:
    thing: Any = sys.modules[module]
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


@pytest.fixture
def makings() -> Makings:
    return Makings(str(Path(__file__).parent))


def noted(makings: Makings) -> Basket:
    basket = Basket([1, 2], limit=9)
    makings.note(basket, [[1, 2]], {"limit": 9})
    basket.add(3)
    makings.later(basket, [__name__, "Basket.add", makings.keep([3], {})])
    return basket


def test_an_object_is_made_again_with_its_later_calls(makings: Makings) -> None:
    kept = makings.keep([noted(makings), "x"], {"n": 1})
    given, words = unkept(kept, found)
    assert (given[0].prices, given[0].limit, given[1], words) == ([1, 2, 3], 9, "x", {"n": 1})
    assert makings.keep([1], {}) != makings.keep([2], {})


def test_one_object_stays_one_object(makings: Makings) -> None:
    basket = noted(makings)
    given, _ = unkept(makings.keep([basket, basket], {}), found)
    assert given[0] is given[1]


def test_the_first_object_can_be_made_with_other_arguments(makings: Makings) -> None:
    kept = makings.keep([noted(makings)], {})
    given, _ = unkept(kept, found, lambda given, words: ([[7]], {**words, "limit": 0}))
    assert (given[0].prices, given[0].limit) == ([7, 3], 0)


def test_objects_of_other_code_are_not_noted(makings: Makings) -> None:
    makings.note(Path("a"), ["a"], {})
    given, _ = unkept(makings.keep([Path("a")], {}), found)
    assert given == [Path("a")]  # by pickle


def test_too_many_parts_are_not_kept(makings: Makings) -> None:
    many = [object() for _ in range(making.MOST_PARTS + 1)]
    with pytest.raises(Exception, match=r"^$"):
        makings.keep([many], {})
