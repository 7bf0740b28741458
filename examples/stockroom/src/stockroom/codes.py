"""Article codes: ``AB-1234-C``, where C is a check letter over the rest."""

import re

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
PATTERN = re.compile(r"([A-Z]{2})-(\d{4})-([A-Z])")


class BadCode(ValueError):
    """The code cannot be an article's."""


def check_letter(group: str, number: int) -> str:
    """The letter that guards a code against typing errors."""
    if len(group) != 2 or not group.isalpha() or not group.isupper():
        raise BadCode(f"group must be two capital letters: {group!r}")
    if not 0 <= number <= 9999:
        raise BadCode(f"number must be from 0 to 9999: {number}")
    total = (ord(group[0]) - ord("A")) * 7 + (ord(group[1]) - ord("A")) * 3
    for place, digit in enumerate(f"{number:04d}", start=1):
        total += place * int(digit)
    return LETTERS[total % len(LETTERS)]


def make(group: str, number: int) -> str:
    """The whole code of an article."""
    return f"{group}-{number:04d}-{check_letter(group, number)}"


def parse(text: str) -> tuple[str, int]:
    """Group and number of a code as typed: spaces around it and small letters are forgiven."""
    found = PATTERN.fullmatch(text.strip().upper())
    if found is None:
        raise BadCode(f"not an article code: {text!r}")
    group, number, letter = found.group(1), int(found.group(2)), found.group(3)
    if check_letter(group, number) != letter:
        raise BadCode(f"check letter does not match: {text!r}")
    return group, number
