# ruff: noqa: E501
"""Prose: what is new, what says nothing."""

import pytest

from nightcrew.validation.reading.prose import filler, new_sentences, says_nothing

BEFORE = "Parse a price. The result is in cents. Raises an error for other currencies."


@pytest.mark.parametrize(
    ("after", "count"),
    [
        (BEFORE, 0),
        (BEFORE.replace("result", "resullt"), 0),
        (BEFORE.replace(". The", ".\n\n  The").upper().replace("PARSE", "Parse"), 0),
        (BEFORE.replace("Parse a price", "Parses a price"), 0),
        (BEFORE.replace("for other", "for the other"), 0),
        (BEFORE.replace("Raises an", "Never raises an"), 1),
        (BEFORE.replace("in cents", "in whole euros or dollars"), 1),
        (BEFORE + " It is safe to call from several threads.", 1),
        (BEFORE + " See `parse_price()` and https://example.org/prices .", 0),
    ],
)
def test_new_sentences(after: str, count: int) -> None:
    assert len(new_sentences(BEFORE, after)) == count


@pytest.mark.parametrize(
    ("text", "is_filler"),
    [
        ("Lorem ipsum dolor sit amet, consectetur.", True),
        ("Quis nostrud veniam, enim minim ad ullamco laboris nisi ut aliquip.", True),
        ("Coming soon.", True),
        ("blah blah blah", True),
        ("Prices in dolor are unknown; elit is a word too.", False),
        ("Parse a price such as `3.50 EUR`.", False),
    ],
)
def test_filler(text: str, is_filler: bool) -> None:
    assert bool(filler(text)) is is_filler


def test_text_that_could_stand_anywhere() -> None:
    words = {"price", "parse", "discount", "currency", "shop", "cents"}
    hollow = "This powerful solution leverages modern practices to deliver robust, scalable outcomes for everybody."
    about = "A price is parsed into cents; other currencies are refused, and the shop grants members a discount early."
    assert says_nothing([hollow], words, set())
    assert not says_nothing([about], words, set())
    assert not says_nothing(["A short remark."], words, set())
