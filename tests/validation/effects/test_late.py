"""Errors that a generator raises about its arguments."""

from nightcrew.validation.effects.late import late_errors
from nightcrew.validation.reading.suite import read

BASE = "def batches(items, size):\n    for one in items:\n        yield one[:size]\n"
CHECK = "    if size < 1:\n        raise ValueError(size)\n"


def late(new: str, old: str = BASE) -> list[str]:
    return [name for name, _ in late_errors(read(old), read(new))]


def test_a_check_of_an_argument_comes_late() -> None:
    checked = BASE.replace("    for", f"{CHECK}    for")
    assert late(checked) == ["batches"]
    assert late(checked, "") == ["batches"]
    assert late(checked, checked) == []


def test_other_checks_come_when_they_are_due() -> None:
    assert late("def batches(items, size):\n" + CHECK + "    return [one[:size] for one in items]\n") == []
    assert late(BASE + CHECK) == []
    outer = (
        "def batches(items, size):\n" + CHECK + "    def inner():\n        yield items\n    return inner()\n"
    )
    assert late(outer) == []
