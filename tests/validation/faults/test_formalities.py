# ruff: noqa: E501 - rows of a table
"""What of a change decides nothing by itself, and what only looks like it."""

import pytest

from nightcrew.validation.faults.details import Details, Fate
from nightcrew.validation.faults.parts import parts_of

BASE = """\
class Shop:
    def send(self, text, mode="w", verify=True):
        self.wire.put(text)
        return self.wire.get(text)
"""
KEPT = "self.wire.get(text)"
NEW = "\n    def find(self, name):\n{body}        return self.wire.get(name)\n"
HANDED_ON = BASE.replace(KEPT, "self.wire.get(text, mode=mode)")
WITH_MODE = BASE.replace("put(text)", "put(text, mode=mode)")


def with_new(body: str) -> str:
    return BASE + NEW.format(body=body)


FORMALITIES = {
    "a parameter": (HANDED_ON.replace("put(text)", "put(text, mode=mode)"), "self.wire.get"),
    "a parameter that is kept": (WITH_MODE.replace(f"return {KEPT}", f"self.mode = mode\n        return {KEPT}"), "self.mode"),
    "one of several options that is kept": (WITH_MODE.replace("text, mode=", "text, options, mode=", 1).replace(f"return {KEPT}", f"self.mode = options.mode\n        return {KEPT}"), "self.mode"),
    "a refusal": (with_new("        if name is None:\n            raise ValueError(f'{name!r} is no name')\n"), "raise"),
    "its condition": (with_new("        if name is None:\n            raise ValueError(name)\n"), "name is None"),
    "another error": (
        with_new("        try:\n            name = str(name)\n        except KeyError as error:\n            raise NoName(name) from error\n"), "raise",
    ),
    "a text for developers": (BASE + '\n    def __repr__(self):\n        return f"<Shop {self.wire!r}>"\n', "return f"),
    "an abstract method": (BASE + "\n    @abc.abstractmethod\n    def find(self):\n        raise NotImplementedError\n", "@abc"),
}  # fmt: skip
ASKED = {
    "a parameter that nothing notices": (HANDED_ON, "self.wire.get"),
    "a switch": (
        BASE.replace("put(text)", "put(text, verify=verify)").replace(KEPT, "self.wire.get(text, verify=verify)"), "self.wire.get",
    ),
    "a parameter under another name": (WITH_MODE.replace(KEPT, "self.wire.get(text, kind=mode)"), "self.wire.get"),
    "a parameter and a value": (WITH_MODE.replace(KEPT, "self.wire.get(text, 7, mode=mode)"), "self.wire.get"),
    "something else that is kept": (WITH_MODE.replace(f"return {KEPT}", f"self.mode = text\n        return {KEPT}"), "self.mode"),
    "another option that is kept": (WITH_MODE.replace("text, mode=", "text, options, mode=", 1).replace(f"return {KEPT}", f"self.mode = options.kind\n        return {KEPT}"), "self.mode"),
    "a refusal of base's": (BASE.replace("        self.wire.put", "        if text is None:\n            raise ValueError(text)\n        self.wire.put"), "raise"),
    "a refusal by a value": (with_new("        if name == 'letmein':\n            raise ValueError(name)\n"), "name =="),
    "a refusal by a size": (with_new("        if len(name) > 4000:\n            raise ValueError(name)\n"), "len"),
    "a refusal that does something": (with_new("        if name is None:\n            raise ValueError(self.wire.pop())\n"), "raise"),
    "a case left out": (with_new("        if name is None:\n            raise NotImplementedError(name)\n"), "raise"),
    "an end of the program": (with_new("        if name is None:\n            raise SystemExit(name)\n"), "raise"),
    "a refusal of somebody": (with_new("        if name is None:\n            raise PermissionError(name)\n"), "raise"),
    "a branch": (with_new("        if name is None:\n            return self\n"), "return self"),
    "a text of all that is kept": (BASE + '\n    def __repr__(self):\n        return f"<Shop {vars(self)!r}>"\n', "return f"),
    "base's method made abstract": (BASE.replace("    def send", "    @abc.abstractmethod\n    def send"), "@abc"),
    "a decorator that wraps": (BASE + "\n    @cache\n    def find(self):\n        return self\n", "@cache"),
}  # fmt: skip


def is_detail(after: str, begins: str) -> bool:
    """True where the parts that begin so need no test, while all others are missed."""
    parts = parts_of(BASE, after)
    missed = {one for one in parts if one.before.startswith(begins)}
    assert missed
    fates = {one: Fate.UNNOTICED if one in missed else Fate.NOTICED for one in parts}
    details = Details(BASE, after, fates)
    return all(map(details.holds, missed))


@pytest.mark.parametrize(("after", "begins"), FORMALITIES.values(), ids=FORMALITIES)
def test_a_formality_needs_no_test(after: str, begins: str) -> None:
    assert is_detail(after, begins)


@pytest.mark.parametrize(("after", "begins"), ASKED.values(), ids=ASKED)
def test_what_only_looks_like_one_needs_a_test(after: str, begins: str) -> None:
    assert not is_detail(after, begins)
