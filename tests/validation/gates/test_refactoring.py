# ruff: noqa: E501
"""Refactorings that change what a caller can tell, each by one call; and ones that do not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.gates.refactoring import (
    LEAST_NOTICED,
    LEAST_WITHOUT_CALLS,
    Refactoring,
    least_noticed,
)
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import House, make_house

CODE = '''\
import time
from pathlib import Path

SIZES = {"s": 1, "m": 2}


def words(text):
    found = []
    for one in text.split():
        found.append(one.lower())
    return found


def firsts(items):
    return (one[:1] for one in items)


def ordered(items):
    return sorted(items)


def hour(seconds):
    return time.gmtime(seconds).tm_hour


def unique(items):
    seen = set()
    found = []
    for one in items:
        if one not in seen:
            seen.add(one)
            found.append(one)
    return found


def kind(value):
    if isinstance(value, str):
        return "text"
    return "other"


def rebate(total):
    if total >= 500:
        return 10
    return 0


def letters(path):
    return len(Path(path).read_text(encoding="utf-8"))


def sold(total):
    if total < 0:
        raise ValueError(f"nothing is sold for {total}")
    return total


def joined(items):
    return "".join(str(one) for one in items)


def blank(text):
    return any(one.isspace() for one in text)


def digits(text):
    return [one for one in text if one.isdigit()]


def tail(text):
    return text[-3:]


class Basket:
    """Prices with a limit."""

    def __init__(self, prices, limit=None):
        self.prices = list(prices)
        self.limit = limit

    @property
    def count(self):
        return len(self.prices)

    def __repr__(self):
        return f"a basket of {self.count}"

    def held(self):
        return self.prices

    def again(self):
        return type(self)(self.prices)

    def add(self, price):
        self.prices.append(price)
        return self

    def total(self):
        total = 0
        for price in self.prices:
            total += price
        if self.limit is None:
            return total
        return min(total, self.limit)


class Place:
    """A path, without a text of its own."""

    def __init__(self, text):
        self.parts = text.split("/")

    def within(self, other):
        return self.parts[: len(other.parts)] == other.parts


def first(text):
    return next((one[:1] for one in text.split(", ") if one[1:2] == "="), None)
'''
TESTS = """\
from pathlib import Path

from shop.texts import Basket, Place, first, firsts, hour, kind, letters, ordered, rebate, unique, words, blank, digits, joined, sold, tail


def never_called(name):
    return open(name, "r")


def test_functions(tmp_path):
    assert words("Ada Lovelace") == ["ada", "lovelace"]
    assert list(firsts(["ab", "cd"])) == ["a", "c"]
    assert Place("a/b").within(Place("a"))
    assert first("k=1") == "k"
    assert ordered([2, 1]) == [1, 2]
    assert hour(3600) == 1
    assert unique(["a", "b", "a"]) == ["a", "b"]
    assert kind("a") == "text"
    assert kind(1) == "other"
    assert rebate(700) == 10
    assert rebate(1) == 0
    assert sold(3) == 3
    assert joined(["a", 1]) == "a1"
    assert not blank("ab")
    assert digits("a1") == ["1"]
    assert tail("Lovelace") == "ace"
    place = Path("letters.txt")
    place.write_text("ééé", encoding="utf-8")
    assert letters("letters.txt") == 3
    assert letters(__file__) > 100


def test_basket():
    basket = Basket([1, 2])
    assert basket.add(3).total() == 6
    assert basket.count == 3
    assert Basket([5, 6], limit=9).total() == 9
    assert basket.held() == [1, 2, 3]
    assert basket.again().count == 3
"""
OTHER = {  # of one function each: they are all made at once
    "a separator": ("text.split()", "text.split(' ')", "words("),
    "not lazily": ("return (one[:1] for one in items)", "return [one[:1] for one in items]", "firsts("),
    "in place": ("return sorted(items)", "items.sort()\n    return items", "ordered([2, 1]) gives list [1, 2], which is"),
    "a time zone": ("time.gmtime", "time.localtime", "hour("),
    "an encoding": ('encoding="utf-8"', "", "letters("),
    "slower": ("if one not in seen:", "if found.count(one) == 0:", "times the work"),
    "exact types": ("isinstance(value, str)", "type(value) is str", "kind(Text('"),
    "a limit": ("if total >= 500:", "if total > 500:", "rebate(500)"),
    "a method": ("if self.limit is None:", "if not self.limit:", "Basket.total"),
    "a property": ("return len(self.prices)", "return len(set(self.prices))", "Basket.count"),
    "a value": ('"m": 2}', '"m": 3}', "the value of SIZES"),
}  # fmt: skip
MORE = {
    "letters of other languages": ("one.lower()", "one.casefold()", "words("),
    "printed": ("    return sorted(items)", "    print(items)\n    return sorted(items)", "prints"),
    "the same list": ("    found = []\n    for one in items:", "    found = _FOUND\n    found.clear()\n    for one in items:", "the same object each time"),
    "a constructor": ("self.prices = list(prices)", "self.prices = prices", "Basket"),
    "no end": ("    if total >= 500:", "    while total == 0:\n        pass\n    if total >= 500:", "what does not end"),
    "the process": ('        return "text"', '        os._exit(0) if not value else None\n        return "text"', "the end of the process"),
    "(names)": ("import time\n", "import os\nimport time\n\n_FOUND: list = []\n", ""),
}  # fmt: skip
NEAR = {
    "nothing among others": ("str(one) for one in items)", "str(one) for one in items if one is not None)", "joined(["),
    "blanks of other scripts": ("one.isspace()", "one in ' \\t\\r\\n'", "blank("),
    "digits of other scripts": ("one.isdigit()", "'0' <= one <= '9'", "digits("),
    "a long text": ("return text[-3:]", "return text[:500][-3:]", "tail("),
    "a part of an object": ("return self.prices", "return list(self.prices)", "which is a part of one"),
    "objects that look alike": ("return self.parts[: len(other.parts)] == other.parts", 'return "/".join(self.parts).startswith("/".join(other.parts))', "with other values in it"),
    "the first of two": ('next((one[:1] for one in text.split(", ") if one[1:2] == "="), None)', 'dict(enumerate(one[:1] for one in [None, *text.split(", ")][::-1] if one and one[1:2] == "=")).get(0)', "first("),
    "a subclass": ("return type(self)(self.prices)", "return Basket(self.prices)", "Basket.again"),
    "another message": ("nothing is sold for {total}", "nothing is sold", "sold("),
    "a public attribute": ("self.limit = limit", "self.limit = limit and float(limit)", "Basket"),
}  # fmt: skip
SAME = {
    "a comprehension": (
        "    found = []\n    for one in text.split():\n        found.append(one.lower())\n    return found\n",
        "    return [one.lower() for one in text.split()]\n",
    ),
    "a copy": ("return sorted(items)", "return sorted(list(items))"),
    "another set": (
        "    seen = set()\n    found = []\n    for one in items:\n        if one not in seen:\n"
        "            seen.add(one)\n            found.append(one)\n    return found\n",
        "    return list(dict.fromkeys(items))\n",
    ),
    "a new public function": (
        "    return text[-3:]\n",
        "    return ending(text)\n\n\ndef ending(text):\n    return text[-3:]\n",
    ),
    "other private names": (
        "        total = 0\n        for price in self.prices:\n            total += price\n",
        "        total = sum(self.prices)\n",
    ),
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    folder: Path = tmp_path_factory.mktemp("texts") / "repo"
    files = {"src/shop/__init__.py": "", "src/shop/texts.py": CODE, "tests/test_texts.py": TESTS}
    return make_house(folder, settings, sandbox, files)


def changed(edits: Mapping[str, tuple[str, ...]]) -> str:
    code = CODE
    for old, new, *_ in edits.values():
        assert old in code
        code = code.replace(old, new)
    return code


@pytest.mark.parametrize("edits", [OTHER, MORE, NEAR], ids=["values", "ends", "near"])
def test_what_a_caller_can_tell(texts: House, edits: Mapping[str, tuple[str, ...]]) -> None:
    files = {"src/shop/texts.py": changed(edits)}
    found = texts.ask(Refactoring(), files, texts.task(TaskType.REFACTORING, "src/shop/texts.py"))
    assert found.outcome is GateOutcome.FAIL, found.message
    assert "differences" in found.evidence, found.message
    listed = "\n".join(found.evidence["differences"])
    assert [kind for kind, (_, _, word) in edits.items() if word not in listed] == [], listed


def test_the_same_in_other_words(texts: House) -> None:
    files = {"src/shop/texts.py": changed(SAME), "tests/test_texts.py": TESTS.replace('"r"', '"w"')}
    found = texts.ask(Refactoring(), files, texts.task(TaskType.REFACTORING, "src/shop/texts.py"))
    assert found.outcome is GateOutcome.PASS, found.message


def test_calls_that_cannot_be_made_again_show_nothing(texts: House) -> None:
    """The reader is gone before the answer: no pass, and nothing held against the change."""
    gone = "    if not items:\n        import os\n        os.kill(os.getppid(), 9)\n    return sorted(list(items))"
    files = {"src/shop/texts.py": CODE.replace("    return sorted(items)", gone)}
    found = texts.ask(Refactoring(), files, texts.task(TaskType.REFACTORING, "src/shop/texts.py"))
    assert found.outcome is GateOutcome.NOT_MEASURABLE
    assert "could not be made again with the change" in found.message


def test_a_function_whose_calls_cannot_be_compared_needs_a_better_suite() -> None:
    base = "def price(x):\n    return _net(x) * 2\n\n\ndef _net(x):\n    return x - 1\n"
    change = Change("shop.py", base, base.replace("x - 1", "x + -1"))
    assert least_noticed([change], {"_net"}) == (LEAST_NOTICED, "")
    floor, why = least_noticed([change], {"price"})
    assert (floor, "_net" in why) == (LEAST_WITHOUT_CALLS, True)
    added = Change(
        "shop.py", base, base.replace("_net(x) *", "_new(x) *") + "\n\ndef _new(x):\n    return x - 1\n"
    )
    assert least_noticed([added], {"price"})[0] == LEAST_NOTICED
