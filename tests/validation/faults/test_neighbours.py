"""Inputs beside a test's input are like it, and never it."""

import pytest

from nightcrew.validation.rig.neighbours import is_equal, near, near_calls, with_nothing, without_literal


@pytest.mark.parametrize(
    "value", ["2020-W53-7", "nightly build", "---", "Grüße", b"ab", 7, 2.5, [1, 2], (1,), {"a": 1}, True]
)
def test_neighbours_are_of_the_same_type_and_other_values(value: object) -> None:
    found = list(near(value))
    assert len(found) >= (1 if value is True else 3)
    assert all(isinstance(one, type(value)) for one in found)
    kinds = [(type(one), repr(one)) for one in found]
    assert len(set(kinds)) == len(kinds)
    assert (type(value), repr(value)) not in kinds


def test_digits_stay_digits_and_letters_letters() -> None:
    assert "3131-X64-8" in list(near("2020-W53-7"))


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("k=1; j=2", {"k=1; l=1; j=2", "k=1; k=2; j=2", "j=2; k=1"}),
        ("ab,b,c", {"ab,bb,b,c", "ab,ac,b,c", "c,b,ab"}),
        (b"a\nb c", {b"a\nb\nb c", b"b c\na"}),
    ],
)
def test_one_of_several_items_stands_twice_and_they_have_another_order(text: str, others: set[str]) -> None:
    assert others <= set(near(text))


def test_each_argument_has_its_turn_and_gets_the_values_of_its_type() -> None:
    calls = near_calls(["a", 1], {"limit": 2.0}, [500, "magic"])
    assert calls[:2] == [(["magic", 1], {"limit": 2.0}), (["a", 500], {"limit": 2.0})]
    assert any(words["limit"] != 2.0 for _, words in calls[:3])
    assert (["magica", 1], {"limit": 2.0}) in calls
    assert near_calls([["a"]], {}, ["-"])[1] == ([["-a"]], {})


def test_a_mark_stays_and_numbers_do_not() -> None:
    assert all(given[0] == "MIN" for given, _ in near_calls(["MIN", "a"], {}, ["b"], [0]))
    assert any(given[0] != 3 for given, _ in near_calls([3], {}, (), [0]))


class Basket:
    def __init__(self, prices: list[int], name: str) -> None:
        self.prices, self.name = prices, name


def test_an_object_holds_something_else_and_stays_itself() -> None:
    basket = Basket([2, 3], "magic")
    near_ones = [vars(one) for one in near(basket)]
    assert any(one["prices"] != [2, 3] and one["name"] == "magic" for one in near_ones)
    assert any(one["prices"] == [2, 3] and one["name"] != "magic" for one in near_ones)
    others = [vars(given[0]) for given, _ in without_literal([basket], {}, "magic")]
    assert others
    assert all(one["prices"] == [2, 3] and one["name"] != "magic" for one in others)
    assert vars(basket) == {"prices": [2, 3], "name": "magic"}


def test_an_object_of_a_subclass_is_made_of_the_same_values() -> None:
    basket = Basket([2, 3], "magic")
    derived = next(near(basket))
    assert (type(derived).__name__, vars(derived)) == ("SubBasket", vars(basket))
    assert is_equal([[derived], {}], [[basket], {}])
    assert not is_equal([[Basket([2, 4], "magic")], {}], [[basket], {}])
    assert issubclass(next(near(Basket)), Basket)
    assert not is_equal([True, 2], [3, 2])


def test_nothing_stands_among_other_items() -> None:
    assert with_nothing([[1, 2], "a"], {"rest": (5,)}) == [
        ([[None, 2], "a"], {"rest": (5,)}),
        ([[1, 2], "a"], {"rest": (None,)}),
    ]
