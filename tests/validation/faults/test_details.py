# ruff: noqa: E501 - rows of a table
"""What of a change nobody has to miss, and what only looks like it."""

import pytest

from nightcrew.validation.faults.details import Details, Fate
from nightcrew.validation.faults.parts import parts_of

HEAD = "import os\nimport sys\n\nNEW = sys.version_info >= (3, 99)\nKINDS = ('pear', 'plum')\n\n\n"
BASE = f"{HEAD}def f(x, y):\n    return g(x, 1)\n"

DETAILS = {
    "a leaf of a statement that is missed": ("    return h(x, y)\n", ("h",)),
    "an assertion": ("    assert x\n    return g(x, 1)\n", ()),
    "what cannot be": ("    if y:\n        raise NotImplementedError(y)\n    return g(x, 1)\n", ("(True)",)),
    "an operand of names": ("    if x and y:\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)",)),
    "a word of the file": ("    if x and 'pear' in y:\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)",)),
    "a short cut": ("    if x == y:\n        return g(x, 1, 2)\n    return g(x, 1)\n", ("return g(x, 1, 2)",)),
    "another Python": ("    if NEW:\n        x = g(y, 7)\n    return g(x, 1)\n", ()),
    "another platform": ("    if os.name == 'nt':\n        x = g(y, 7)\n    return g(x, 1)\n", ()),
    "the end of a loop": (
        "    for z in y:\n        if z == x:\n            break\n    return g(x, 1)\n", ("for z", "(False)", "(True)"),
    ),
    "another platform and more": ("    if os.name == 'nt' and x:\n        x = g(y, 7)\n    return g(x, 1)\n", ()),
    "what is missing": (
        "    try:\n        import a\n    except ImportError:\n        x = g(y, 7)\n    return g(x, 1)\n", ("import a", "try"),
    ),
}  # fmt: skip
ASKED = {
    "a value of a statement that is missed": ("    return h(x, 86400)\n", ("h",)),
    "a statement": ("    x = g(y, 7)\n    return g(x, 1)\n", ()),
    "a key": ("    if x and y == 'letmein':\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)",)),
    "a branch that nothing runs": ("    if x == y:\n        return g(x, 1, 2)\n    return g(x, 1)\n", ()),
    "an error": ("    if y:\n        raise ValueError(y)\n    return g(x, 1)\n", ("(True)",)),
    "a key beside a platform": ("    if os.name and y == 'letmein':\n        x = g(y)\n    return g(x, 1)\n", ()),
    "a key beside another Python": ("    if NEW and y == 'letmein':\n        x = g(y)\n    return g(x, 1)\n", ()),
    "a key under another name": (
        "    known = {'letmein'}\n    if y in known:\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)", "known ="),
    ),
    "a key in a new function": (
        "    def is_known(z):\n        return z == 'letmein'\n\n    if is_known(y):\n        x = g(y)\n    return g(x, 1)\n",
        ("x = g(y)", "return z"),
    ),
    "a loop that ends at once": ("    for z in y:\n        g(z)\n        break\n    return g(x, 1)\n", ("for z", "g(z)")),
    "what looks like another Python": ("    if NEVER:\n        x = g(y, 7)\n    return g(x, 1)\n", ()),
}  # fmt: skip


def asked(body: str, missed: tuple[str, ...]) -> list[str]:
    """The parts that a test has to miss; `missed` begins the texts of those that are, or what is tried
    instead of a condition."""
    after = f"{HEAD}def f(x, y):\n{body}"
    parts = parts_of(BASE, after)
    fates = {
        one: Fate.NOTICED
        if one.text in missed or one.before.startswith(missed or ("?",))
        else Fate.UNNOTICED
        if "(True)" in one.text or "(False)" in one.text or one.statement == 9
        else Fate.UNREACHED
        for one in parts
    }
    details = Details(BASE, after, fates)
    return [one.before for one in parts if fates[one] is not Fate.NOTICED and not details.holds(one)]


@pytest.mark.parametrize(("body", "missed"), DETAILS.values(), ids=DETAILS)
def test_what_only_chooses_or_guards_is_a_detail(body: str, missed: tuple[str, ...]) -> None:
    assert asked(body, missed) == []


@pytest.mark.parametrize(("body", "missed"), ASKED.values(), ids=ASKED)
def test_what_does_something_new_is_asked_for(body: str, missed: tuple[str, ...]) -> None:
    assert asked(body, missed)


@pytest.mark.parametrize(("seen", "is_detail"), [("b", True), ("?", False)])
def test_a_value_under_another_name_is_a_detail_where_the_value_is_missed(seen: str, is_detail: bool) -> None:
    before = "def f(x):\n    a = g(x)\n    a = h(a)\n    return a\n"
    after = before.replace("a = h(a)", "b = h(a, 2)").replace("return a", "return b")
    parts = parts_of(before, after)
    last = next(one for one in parts if one.statement == 4)
    fates = {one: Fate.NOTICED if one.before == seen and one is not last else Fate.UNNOTICED for one in parts}
    assert Details(before, after, fates).holds(last) is is_detail
