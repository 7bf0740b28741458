# ruff: noqa: E501
"""What a function newly leaves changed for the next call."""

import pytest

from nightcrew.validation.effects.lasting import lasting
from nightcrew.validation.reading.suite import read

READS = "class Shop:\n    def load(self, data, unknown=None):\n        return self.unknown or dict(data)\n"


def changes(old: str, new: str) -> list[str]:
    return [use.what for use in lasting(read(old), read(new))]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("self.unknown = unknown", "self.unknown"),
        ("self.unknown.update(data)", "self.unknown"),
        ("self.unknown[data] = 1", "self.unknown"),
        ("data.pop('type')", "data"),
        ("data['type'] = 1", "data"),
        ("own = getattr(data, 'own', None); own.update(a=1)", "data"),
        ("own = data.own; own.clear()", "data"),
    ],
)
def test_a_change_that_the_caller_goes_on_with_is_named(statement: str, what: str) -> None:
    new = READS.replace("        return", f"        {statement}\n        return")
    assert changes(READS, new) == [f"Shop.load changes {what}, which its caller goes on with"]


@pytest.mark.parametrize(
    "statement",
    [
        "self._seen = data",  # nothing of base reads it
        "data = dict(data); data.pop('type')",
        "found = []; found.append(data)",
        "found = data.copy(); found.pop('type')",
        "other = unknown(data); other.update(a=1)",
    ],
)
def test_what_stays_inside_is_not(statement: str) -> None:
    assert not changes(READS, READS.replace("        return", f"        {statement}\n        return"))


def test_functions_that_change_something_on_base_may_change_more() -> None:
    old = READS.replace("        return", "        self.unknown = 1\n        data.pop(1)\n        return")
    assert not changes(old, old.replace("data.pop(1)", "data.pop(1)\n        unknown.clear()"))
    assert not changes("", READS.replace("return self.unknown", "data.pop(1)\n        return self.unknown"))


def test_functions_inside_a_function_count_too() -> None:
    new = "def make(x):\n    def inner(plural):\n        own = getattr(plural, 'own')\n        own.update(x)\n    return inner\n"
    assert changes(new.replace("own.update(x)", "pass"), new) == [
        "make changes plural, which its caller goes on with"
    ]


@pytest.mark.parametrize("copy", ["dict(data)", "data.copy()", "copy.deepcopy(data)"])
def test_a_copy_that_is_made_no_longer_is_named(copy: str) -> None:
    old = READS.replace("        return", f"        data = {copy}\n        return")
    assert changes(old, READS) == ["Shop.load works on the data that it is given and not on a copy"]
    assert not changes(old, old.replace(copy, "{**data}"))
    assert not changes(old.replace(copy, "dict(unknown)"), READS)


@pytest.mark.parametrize("default", ["{}", "[]", "set()", "dict()"])
def test_a_default_that_all_calls_change_is_named(default: str) -> None:
    new = f"def count(text, found={default}):\n    found.update(text)\n    return found\n"
    assert changes("", new) == ["count changes the default of found, which all calls share"]
    assert not changes("", new.replace("found.update(text)", "found = {**found, **text}"))
