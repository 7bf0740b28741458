"""Other values of the same type, for a version that returns wrong values."""

import datetime
import decimal
import pathlib
from typing import Any, NamedTuple

import pytest

from nightcrew.validation.rig import perturb


class Pair(NamedTuple):
    left: int
    right: str


class Object(NamedTuple):
    left: int

    def doubled(self) -> int:
        return self.left * 2


@pytest.mark.parametrize(
    "value",
    [True, 0, 1.5, 2j, "text", "", b"bytes", bytearray(b"a"), [1, "a"], [], (1, 2), (), {"a": 1}, {},
     {1, 2}, frozenset({1}), decimal.Decimal("1.5"), datetime.date(2026, 1, 1), datetime.time(10, 59),
     datetime.timedelta(1), pathlib.Path("a"), Pair(1, "a")],
)  # fmt: skip
def test_another_value_of_the_same_type(value: Any) -> None:
    for text in (perturb._garbled, perturb._longer):
        other = perturb._other(value, text)
        assert other != value
        assert type(other) is type(value)


@pytest.mark.parametrize("value", [None, object(), len, Object(1)])
def test_objects_stay_as_they_are(value: Any) -> None:
    assert perturb._other(value, perturb._garbled) is value


def test_a_garbled_text_shares_no_letter_at_any_place() -> None:
    other = perturb._other("Hello 42", perturb._garbled)
    assert all(one != two for one, two in zip("Hello42", other.replace(" ", ""), strict=False))


def outside(source: str) -> dict[str, Any]:
    """A module of its own with a function that returns wrong values."""
    space: dict[str, Any] = {"_adjusted": perturb.adjusted}
    exec(compile(source, "<product>", "exec"), space)
    return space


def test_only_values_that_leave_their_module_differ() -> None:
    product = outside("def inner(): return _adjusted(1)\n\ndef outer(): return _adjusted(inner() + 1)\n")
    assert product["inner"]() == 2
    assert product["outer"]() == 3  # 1 + 1 inside, and one more on its way out


def test_a_value_that_is_thrown_away_counts_for_no_test() -> None:
    product = outside("def f(): return _adjusted(1)\n")
    perturb.touched.clear()
    product["f"]()
    assert perturb.touched == []
    assert product["f"]() == 2
    assert perturb.touched == [1]


def test_a_longer_text_has_all_its_parts() -> None:
    product: dict[str, Any] = {"_extended": perturb.extended}
    exec(compile("def f(): return _extended(['Hello', 42])\n", "<product>", "exec"), product)
    assert product["f"]() == ["Hellox", 43, 42]
