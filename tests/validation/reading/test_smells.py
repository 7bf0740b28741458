# ruff: noqa: E501
"""What a reader of new tests sees: checks of what happens to be, sleep, and the implementation once more."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.smells import (
    copies_of_implementation,
    long_sleep,
    new_test_functions,
    unsteady_check,
)
from nightcrew.validation.running.clean_room import CleanRoom

TARGET = """
def spread(text, width, fill=" "):
    words = text.split()
    gaps = len(words) - 1
    if gaps < 1:
        return text
    room = width - sum(len(word) for word in words)
    each, more = divmod(room, gaps)
    parts = []
    for index, word in enumerate(words):
        parts.append(word)
        if index < gaps:
            parts.append(fill * (each + (index < more)))
    return "".join(parts)
"""
COPY = (
    TARGET.replace("spread", "expected").replace("words", "zz").replace("parts", "aa").replace("fill", "char")
)


def room(tests: str) -> CleanRoom:
    """As much of a room as reading needs."""
    change = Change("tests/test_spread.py", None, tests)
    fake: Any = SimpleNamespace(
        target="spread.py", changes=(change,), source=lambda path: TARGET, is_test=lambda path: "test" in path
    )
    fake.once = lambda make: make(fake)
    return cast(CleanRoom, fake)


@pytest.mark.parametrize(
    "tests",
    [
        COPY.replace("    if gaps < 1:\n        return text\n", ""),
        COPY.replace("gaps", "room.gaps"),
        COPY,
        COPY.replace("    zz = text.split()", "    noted = None\n    zz = text.split()"),
        f"class TestIt:\n    def test_it(self):\n{'        '.join(COPY.splitlines(keepends=True))}\n        expected('a', 1)\n",
        f"exec({COPY!r})\n",
    ],
    ids=[
        "without a case",
        "attributes for names",
        "renamed",
        "one statement more",
        "inside of a test",
        "in a text",
    ],
)
def test_a_copy_is_seen_in_any_dress(tests: str) -> None:
    assert "spread" in copies_of_implementation(room(tests))


def test_a_helper_is_no_copy() -> None:
    helper = "def lines(text):\n    found = []\n    for line in text.split():\n        found.append(line)\n    return found\n"
    assert copies_of_implementation(room(helper)) == ""


@pytest.mark.parametrize(
    ("check", "seen"),
    [
        ("assert id(spread) % 8 == 0", True),
        ("assert os.getpid() % 2 == 0", True),
        ("assert perf_counter() - start < 0.2", True),
        ("assert perf_counter() - start < 30", False),
        ("assert id(spread) == id(spread)", False),
        ("assert hash('a') == hash('a')", False),
        ("assert spread('a', 3) == 'a'", False),
    ],
)
def test_what_happens_to_be_is_no_oracle(check: str, seen: bool) -> None:
    text = f"def test_it():\n    start = perf_counter()\n    {check}\n"
    assert bool(unsteady_check(room(text))) is seen


def test_sleep_is_added_up() -> None:
    text = "def test_a():\n    time.sleep({})\n\ndef test_b():\n    sleep(0.5)\n"
    assert long_sleep(room(text.format(19))) == ""
    assert "20 seconds" in long_sleep(room(text.format(19.9)))


HARNESS = """
import unittest


class TestCase(unittest.TestCase):
    def spreads(self, text, wanted):
        self.assertEqual(spread(text), wanted)

    def quiet(self, text):
        spread(text)
"""


@pytest.mark.parametrize(
    ("imported", "called", "checks"),
    [
        ("from tests.support.harness import TestCase", "spreads('a', 'b')", 1),
        ("from ..support.harness import TestCase", "spreads('a', 'b')", 1),
        ("from tests.support import harness", "spreads('a', 'b')", 1),
        ("from tests.support.harness import TestCase", "quiet('a')", 0),
        ("from shop.harness import TestCase", "spreads('a', 'b')", 0),
    ],
)
def test_what_a_helper_of_another_test_file_checks_is_checked(
    imported: str, called: str, checks: int
) -> None:
    text = f"{imported}\n\n\nclass TestSpread(TestCase):\n    def test_it(self):\n        self.{called}\n"
    files = {"tests/support/harness.py": HARNESS, "shop/harness.py": HARNESS}
    fake: Any = SimpleNamespace(
        changes=(Change("tests/unit/test_spread.py", None, text),), source=files.get,
        is_test=lambda path: path.startswith("tests/"),
    )  # fmt: skip
    fake.once = lambda make: make(fake)
    (test,) = new_test_functions(cast(CleanRoom, fake))
    assert test.count == checks


@pytest.mark.parametrize(
    ("path", "count"), [("tests/test_a.py", 1), ("tests/a_test.py", 1), ("tests/cases/sections.py", 0)]
)
def test_files_that_no_runner_collects_hold_no_tests(path: str, count: int) -> None:
    text = "def test_one():\n    pass\n"
    fake: Any = SimpleNamespace(
        changes=(Change(path, None, text),), source=lambda path: None, is_test=lambda path: True
    )
    fake.once = lambda make: make(fake)
    assert len(new_test_functions(cast(CleanRoom, fake))) == count
