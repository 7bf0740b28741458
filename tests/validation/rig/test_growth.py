"""How the work of a call grows with its input, counted and not timed."""

from collections.abc import Iterator
from typing import Any

from nightcrew.validation.rig.growth import counted, growth


def linear(items: list[int]) -> int:
    total = 0
    for one in items:
        total += one
    return total


def square(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one in items:
        if one not in found:
            found.append(one)
    return found


def lazily(items: list[int]) -> Iterator[int]:
    for one in items:
        yield one + 1


def refusing(items: list[int]) -> None:
    raise ValueError(items)


def test_four_times_the_input() -> None:
    assert 3 < growth(linear, [[1, 2, 3]], {}) < 5
    assert growth(square, [["a", "b", "c"]], {}) > 10  # comparisons inside `in` count too
    assert growth(square, [[1, 2, 3]], {}) > 10


def test_what_a_generator_does_counts() -> None:
    assert counted(lazily, [[1] * 50], {})[0] > 50


def endless(start: int) -> Iterator[int]:
    while True:
        start += 1
        yield start


def endless_sums(start: int) -> Iterator[int]:
    items: list[int] = []
    while True:
        items.append(start)
        yield sum([one + 1 for one in items])


def test_what_has_no_end_grows_with_the_number_of_its_items() -> None:
    assert 3 < growth(endless, [1], {}) < 5
    assert growth(endless_sums, [1], {}) > 10


def test_a_call_that_fails_shows_no_growth() -> None:
    assert growth(refusing, [[1, 2]], {}) == 0.0
    assert counted(refusing, [[]], {})[1] is False
