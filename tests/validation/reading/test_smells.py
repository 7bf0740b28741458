# ruff: noqa: E501
"""What a reader of new tests sees: checks of what happens to be, sleep, and the implementation once more."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.smells import copies_of_implementation, slept, unsteady_check
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
    told: Any = SimpleNamespace(
        target="spread.py", changes=(change,), source=lambda path: TARGET, is_test=lambda path: "test" in path
    )
    return cast(CleanRoom, told)


@pytest.mark.parametrize(
    "tests",
    [
        COPY,
        COPY.replace("    zz = text.split()", "    noted = None\n    zz = text.split()"),
        f"class TestIt:\n    def test_it(self):\n{'        '.join(COPY.splitlines(keepends=True))}\n        expected('a', 1)\n",
        f"exec({COPY!r})\n",
    ],
    ids=["renamed", "one statement more", "inside of a test", "in a text"],
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
    assert slept(room("def test_a():\n    time.sleep(2)\n\ndef test_b():\n    sleep(0.5)\n")) == 2.5
