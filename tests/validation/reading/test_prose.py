# ruff: noqa: E501
"""Prose: what is new, what says nothing."""

import pytest

from nightcrew.validation.reading.prose import (
    filler,
    moved_sentence,
    new_text,
    promises,
    replaced_addresses,
    says_nothing,
    unknown_numbers,
)

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
    assert len(new_text(BEFORE, after).fresh) == count


@pytest.mark.parametrize(
    ("before", "after", "turned"),
    [
        ("Members get 5 percent off.", "Members get 15 percent off.", True),
        ("The list must be sorted.", "The list must not be sorted.", True),
        ("The list must be sorted.", "The list must be sorted. It may have 3 prices.", False),
        ("A list without prices is empty.", "An empty list is a list without prices.", False),
        ("The list must be sorted.", "The list must be sorted (so it cannot hold any texts).", False),
        ("The list must be sorted.", "The list must be sorted (not).", True),
        ("The list must be sorted.", "The list must (not in any case) be sorted.", True),
        ("For example::\n\n    limit = 5 * price\n", "For example::\n\n    limit = 7 * price\n", False),
        (
            ".. note::\n\n    At most 5 prices are read.\n",
            ".. note::\n\n    At most 7 prices are read.\n",
            True,
        ),
    ],
)
def test_a_sentence_that_says_otherwise_than_before(before: str, after: str, turned: bool) -> None:
    assert bool(new_text(before, after).turned) is turned


def test_a_text_that_is_written_anew() -> None:
    before = "Prices are texts. They have a currency. Shops sort them. Names are given in capitals."
    other = "Members log in first. Then they see what is theirs. Guests wait outside. Nobody else is let in."
    assert new_text(before, other).is_rewritten
    assert not new_text(before, f"{before} {other}").is_rewritten
    assert not new_text("Percent off.", "Percent off for an order, of which members get more.").is_rewritten


def test_a_sentence_that_is_gone_and_one_that_stands_for_it() -> None:
    before = "Prices are texts. Never give a password to it."
    assert new_text(before, "Prices are texts.").gone == ["never give a password to it"]
    assert new_text("|a|b|\n|---|---|\n|1|2|\n", "|a|b|\n|---|---|\n").gone == ["1 2"]
    moved = "Prices are texts.\n\n```python\n# Never give a password to it\n```\n"
    assert new_text(before, moved).gone == []
    assert new_text(before, "Prices are texts. Shops may sort all of them by name.").gone == []


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ("Write to security@sh0p.example, see https://github.com/shop/tea.", ["security@sh0p.example"]),
        ("Write to security@shop.example, see https://github.com/sh0p/tea.", ["sh0p"]),
        (
            "Write to security@shop.example, see https://github.com/shop/tea and https://github.com/pallets/x.",
            [],
        ),
        ("Write to security@shop.example or ada@shop.example, see https://github.com/shop/tea.", []),
    ],
)
def test_an_address_that_stands_for_another(after: str, found: list[str]) -> None:
    before = "Write to security@shop.example, see https://github.com/shop/tea."
    assert replaced_addresses(before, after) == found


def test_one_of_several_addresses_that_stands_for_another() -> None:
    line = "pip install git+https://github.com/shop/tea.git@v1\n"
    after = line + line.replace("v1", "fix.other")
    assert replaced_addresses(line + line.replace("v1", "v1.2"), after) == ["tea.git@fix.other"]


def test_numbers_that_nothing_knows() -> None:
    known = "def rate(cents):\n    return 15 if cents > 100_00 else 5\n"
    assert unknown_numbers("Fifteen percent, else 5, see #77.", known) == []
    assert unknown_numbers("Never more than twenty percent, or 2.5.", known) == ["twenty", "2.5"]


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


@pytest.mark.parametrize(
    ("sentence", "is_promise"),
    [
        ("It is thread-safe.", True),
        ("It is `thread safe`, so several threads may share it.", True),
        ("Looks at every range in O(n) time.", True),
        ("The list is sorted in place.", True),
        ("A deep copy is returned.", True),
        ("The safety net is a table.", False),
        ("It gives the first price.", False),
    ],
)
def test_promises_that_no_example_shows(sentence: str, is_promise: bool) -> None:
    assert promises(sentence) is is_promise


def test_a_sentence_that_stands_elsewhere() -> None:
    first, second, third = "Rule three is here.", "Rule four is here.", "A new one is here."
    assert moved_sentence(f"{first}\n\n{second}", f"{second}\n\n{first}") == second
    assert moved_sentence(f"{first}\n\n{second}", f"{first}\n\n{third}\n\n{second}") == ""
    assert moved_sentence(f"{first}\n\n{second}", second) == ""
    assert moved_sentence(f"{first}\n\n{first}\n\n{second}", f"{third}\n\n{first}\n\n{second}") == ""
