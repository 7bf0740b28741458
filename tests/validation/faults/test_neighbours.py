"""Inputs beside a test's input are like it, and never it."""

import pytest

from nightcrew.validation.faults.observed_calls import neighbours


@pytest.mark.parametrize("text", ["2020-W53-7", "nightly build", "abc", "---", "Grüße"])
def test_neighbours_are_other_texts_of_nearly_the_same_length(text: str) -> None:
    found = neighbours(text)
    assert text not in found
    assert len(found) >= 3
    assert all(abs(len(one) - len(text)) <= 1 for one in found)


def test_digits_stay_digits_and_letters_letters() -> None:
    assert "3131-X64-8" in neighbours("2020-W53-7")
