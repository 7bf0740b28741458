# ruff: noqa: E501 - rows of a table
"""What of a change nobody has to miss, and what only looks like it."""

import pytest

from nightcrew.validation.faults.details import Details, Fate
from nightcrew.validation.faults.notes import ALTERNATIVE, MESSAGE, RETURNED
from nightcrew.validation.faults.parts import parts_of

HEAD = "import os\nimport sys\n\nNEW = sys.version_info >= (3, 99)\nKINDS = ('pear', 'plum')\n\n\n"
BASE = f"{HEAD}def f(x, y):\n    return g(x, 1)\n"

DETAILS = {
    "an error that goes on": (
        "    try:\n        x = g(y)\n    except OSError:\n        if y:\n            return g(x, 1)\n        raise\n"
        "    return g(x, 1)\n", ("x = g(y)", "try", "return g(x, 1)", "g(x, 1)", "y", "(True)", "(False)"),
    ),
    "a leaf of a statement that is missed": ("    return h(x, y)\n", ("h",)),
    "an assertion of a part": ("    assert isinstance(y[3], str)\n    return g(x, 1)\n", ()),
    "an assertion": ("    assert x\n    return g(x, 1)\n", ()),
    "what cannot be": ("    if y:\n        x = g(y)\n    else:\n        raise AssertionError(y)\n    return g(x, 1)\n", ("(True)", "(False)", "x = g(y)", "g(y)")),
    "an operand of names": ("    if x and y:\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)", "g(y)")),
    "an operand that is used as it stands": (
        '    if x and y["pear"]:\n        x = g(y["pear"])\n    return g(x, 1)\n', ("x = g(", "g("),
    ),
    "a word of the file": ("    if x and 'pear' in y:\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)", "g(y)")),
    "a short cut": ("    if x == y:\n        return g(x, 1, 2)\n    return g(x, 1)\n", ("return g(x, 1, 2)", "g(x, 1, 2)")),
    "a name for what stood there": ("    z = x\n    return g(z, 1)\n", ("z = x",)),
    "the end of a loop": (
        "    for z in y:\n        if z == x:\n            break\n    return g(x, 1)\n", ("for z", "(False)", "(True)"),
    ),
    "another module for one that is missing": (
        "    try:\n        import a\n    except ImportError:\n        import b as a\n    return g(x, 1)\n", ("import a", "try"),
    ),
}  # fmt: skip
ELSEWHERE = {
    "another Python": ("    if NEW:\n        x = g(y, 7)\n    return g(x, 1)\n", ()),
    "another platform": ("    if os.name == 'nt':\n        x = g(y, 7)\n    return g(x, 1)\n", ()),
    "another platform and more": ("    if os.name == 'nt' and x:\n        x = g(y, 7)\n    return g(x, 1)\n", ()),
    "what is missing": (
        "    try:\n        import a\n    except ImportError:\n        x = g(y, 7)\n    return g(x, 1)\n", ("import a", "try"),
    ),
}  # fmt: skip
ASKED = {
    "a name for what stood there before": ("    z = x\n    x = g(y)\n    return g(z, 1)\n", ("z = x", "x = g(y)")),
    "a value of a statement that is missed": ("    return h(x, 86400)\n", ("h",)),
    "a statement": ("    x = g(y, 7)\n    return g(x, 1)\n", ()),
    "a key": ("    if x and y == 'letmein':\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)",)),
    "a leaf that is a value now": ("    return h(x, None)\n", ("h",)),
    "an argument more": ("    return g(x, 1, y)\n", ()),
    "an argument less": ("    return g(1)\n", ()),
    "an operand that guards nothing": ("    if x and z.is_open:\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)",)),
    "an operand that asks a function": ("    if x and y.get(x):\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)",)),
    "a look": ("    if x and y.islower():\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)",)),
    "a length": ("    if x and len(y) == 1:\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)",)),
    "an order": ("    if x < y:\n        x = g(y)\n    return g(x, 1)\n", ("x = g(y)",)),
    "a second error that is hidden": (
        "    try:\n        x = g(y)\n    except OSError:\n        pass\n    return g(x, 1)\n", ("x = g(y)", "try"),
    ),
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
    "an assertion with a value": ("    assert len(x) < 40\n    return g(x, 1)\n", ()),
    "an assertion that does something": ("    assert y.pop()\n    return g(x, 1)\n", ()),
    "a log that does something": ("    log.info('%s', y.pop())\n    return g(x, 1)\n", ()),
    "a new refusal": ("    if y:\n        raise NotImplementedError(y)\n    return g(x, 1)\n", ("(True)",)),
    "one of several calls": ("    return str(g(x, 1)).lower()\n", ("g(x, 1)",)),
    "a further choice": ("    return g(x, 1) if y else h(x)\n", ("(h(x))",)),
    "output": ("    print(y)\n    return g(x, 1)\n", ()),
    "what looks like another Python": ("    if NEVER:\n        x = g(y, 7)\n    return g(x, 1)\n", ()),
}  # fmt: skip


def asked(body: str, missed: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The parts that a test has to miss, and those that no test here can; `missed` begins the texts of those
    that are missed, or what is tried instead of a condition."""
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
    open_ones = [one for one in parts if fates[one] is not Fate.NOTICED and not details.holds(one)]
    elsewhere = [one for one in open_ones if details.runs_elsewhere(one)]
    return [one.before for one in open_ones if one not in elsewhere], [one.before for one in elsewhere]


@pytest.mark.parametrize(("body", "missed"), DETAILS.values(), ids=DETAILS)
def test_what_only_chooses_or_guards_is_a_detail(body: str, missed: tuple[str, ...]) -> None:
    assert asked(body, missed) == ([], [])


@pytest.mark.parametrize(("body", "missed"), ASKED.values(), ids=ASKED)
def test_what_does_something_new_is_asked_for(body: str, missed: tuple[str, ...]) -> None:
    assert asked(body, missed)[0]


@pytest.mark.parametrize(("body", "missed"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_runs_on_another_platform_is_for_a_person(body: str, missed: tuple[str, ...]) -> None:
    assert asked(body, missed)[0] == []
    assert asked(body, missed)[1]


LEFT_OUT = {
    "an assertion": ("    assert x is not None\n    return g(x)\n", "    return g(x)\n", False),
    "an assertion with a value": ("    assert len(x) < 40\n    return g(x)\n", "    return g(x)\n", True),
    "a break": ("    for y in x:\n        g(y)\n        break\n    return g(x)\n", "    for y in x:\n        g(y)\n    return g(x)\n", True),
    "a step": ("    x = clean(x)\n    return g(x)\n", "    return g(x)\n", True),
    "a state that others read": ("    x.done = True\n    return x.done\n", "    return x.done\n", True),
    "a variable that nothing reads": ("    y = h(x)\n    return g(x)\n", "    return g(x)\n", False),
    "a variable of a branch that nothing reads": ("    y = h(x)\n    if not y:\n        y = 1\n    return g(x)\n", "    return g(x)\n", False),
    "a branch that does something": ("    y = h(x)\n    if not y:\n        x.pop()\n    return g(x)\n", "    return g(x)\n", True),
    "a state that nothing reads": ("    x.done = h(x)\n    return g(x)\n", "    return g(x)\n", False),
    "a value that is worked out anew": (
        "    x = clean(x)\n    y = h(x)\n    return g(x, y)\n", "    y = h(x)\n    x = wash(y)\n    return g(x, y)\n", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "is_asked"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_an_assignment_may_go_where_nothing_needs_it(old: str, new: str, is_asked: bool) -> None:
    before, after = f"def f(x):\n{old}", f"def f(x):\n{new}"
    gone = [one for one in parts_of(before, after) if one.operator == RETURNED]
    details = Details(before, after, dict.fromkeys(gone, Fate.UNNOTICED))
    assert [not details.holds(one) for one in gone] == [is_asked]


@pytest.mark.parametrize(("seen", "is_detail"), [("b", True), ("?", False)])
def test_a_value_under_another_name_is_a_detail_where_the_value_is_missed(seen: str, is_detail: bool) -> None:
    before = "def f(x):\n    a = g(x)\n    a = h(a)\n    return a\n"
    after = before.replace("a = h(a)", "b = h(a, 2)").replace("return a", "return b")
    parts = parts_of(before, after)
    last = next(one for one in parts if one.statement == 4)
    fates = {one: Fate.NOTICED if one.before == seen and one is not last else Fate.UNNOTICED for one in parts}
    assert Details(before, after, fates).holds(last) is is_detail


@pytest.mark.parametrize(
    ("other", "fate", "is_detail"),
    [
        ("x is None", Fate.UNNOTICED, True),
        ("x is None", Fate.UNREACHED, False),
        ("x is True", Fate.UNNOTICED, False),
    ],
)
def test_one_edit_in_several_places_that_run_needs_one_test(other: str, fate: Fate, is_detail: bool) -> None:
    before = "def f(x):\n    return not x\n\n\ndef g(x):\n    return not x\n"
    after = before.replace("not x", "x is None", 1).replace("not x", other)
    first, second = parts_of(before, after)
    details = Details(before, after, {first: Fate.NOTICED, second: fate})
    assert details.holds(second) is is_detail


@pytest.mark.parametrize(("other", "is_detail"), [("x == 'pear'", True), ("x == 'fig'", False)])
def test_one_edit_may_keep_other_values_of_base(other: str, is_detail: bool) -> None:
    before = "def f(x):\n    return x in 'plum'\n\n\ndef g(x):\n    return x in 'pear'\n"
    after = before.replace("x in 'plum'", "x == 'plum'").replace("x in 'pear'", other)
    first, *others = [one for one in parts_of(before, after) if one.operator != ALTERNATIVE]
    details = Details(before, after, {first: Fate.NOTICED} | dict.fromkeys(others, Fate.UNNOTICED))
    assert {details.holds(one) for one in others} == {is_detail}


def test_what_is_tried_in_several_places_needs_a_test_for_each() -> None:
    before = "def f(x):\n    return g(x, {})\n"
    after = "TABLE = {}\n\n\ndef f(x):\n    h(TABLE)\n    return g(x, TABLE)\n"
    parts = [one for one in parts_of(before, after) if one.text == "TABLE.copy()"]
    fates = dict(zip(parts, (Fate.NOTICED, Fate.UNNOTICED), strict=True))
    assert not Details(before, after, fates).holds(parts[1])


def test_which_errors_are_caught_needs_a_test_beside_one_for_what_is_done() -> None:
    before = "def f(x):\n    try:\n        g(x)\n    except BaseException as error:\n        h(error)\n"
    after = before.replace("BaseException as error", "Exception as problem").replace("h(error)", "h(problem)")
    parts = parts_of(before, after)
    fates = {one: Fate.UNNOTICED if one.before == "Exception" else Fate.NOTICED for one in parts}
    details = Details(before, after, fates)
    assert [details.holds(one) for one, fate in fates.items() if fate is Fate.UNNOTICED] == [False]


@pytest.mark.parametrize(
    ("after", "is_detail"),
    [
        ("    if y:\n        x.clear()\n    h(x)\n", False),
        ("    if y:\n        x.empty()\n    h(x)\n", True),
    ],
)
def test_what_base_does_in_any_case_needs_a_test_without_it(after: str, is_detail: bool) -> None:
    before, after = "def f(x, y):\n    x.clear()\n    h(x)\n", f"def f(x, y):\n{after}"
    parts = parts_of(before, after)
    fates = {one: Fate.UNNOTICED if one.text == "(True)" else Fate.NOTICED for one in parts}
    details = Details(before, after, fates)
    assert [details.holds(one) for one, fate in fates.items() if fate is Fate.UNNOTICED] == [is_detail]


def test_one_value_in_several_places_needs_a_test_for_each() -> None:
    before = "def f(x):\n    return x[0]\n\n\ndef g(x):\n    return x[0]\n"
    after = before.replace("x[0]", "x[1]")
    first, second = parts_of(before, after)
    details = Details(before, after, {first: Fate.NOTICED, second: Fate.UNNOTICED})
    assert not details.holds(second)


def test_a_function_beside_the_fix_needs_a_test_though_its_results_are_the_same() -> None:
    before = "def f(x):\n    return x\n\n\ndef g(x):\n    x = clean(x)\n    return x\n"
    after = before.replace("return x\n", "return x + 1\n", 1).replace("    x = clean(x)\n", "")
    first, second = parts_of(before, after)
    details = Details(before, after, {first: Fate.NOTICED, second: Fate.UNNOTICED}, {"g"})
    assert not details.holds(second)


@pytest.mark.parametrize(
    ("new", "same", "is_detail"),
    [
        ("return one(x)", {"A.f"}, True),
        ("return one(x)", {"A.g"}, False),  # nothing is known of how its results compare
        ("return one(x, 86400)", {"A.f"}, False),  # a value that none of the compared calls may reach
    ],
)
def test_a_function_that_is_only_written_in_another_way_needs_no_test(
    new: str, same: set[str], is_detail: bool
) -> None:
    before = "class A:\n    def f(self, x):\n        for y in x:\n            return y\n"
    after = f"class A:\n    def f(self, x):\n        {new}\n"
    back, gone = (one for one in parts_of(before, after) if one.operator != ALTERNATIVE)
    fates = {back: Fate.UNNOTICED, gone: Fate.NOTICED}
    assert Details(before, after, fates, same).holds(back) is is_detail


@pytest.mark.parametrize(
    ("inner", "is_detail"), [("y = g(x)", True), ("y = g(x, 2)", True), ("y.z = 1", False)]
)
def test_an_assignment_that_moves_into_a_branch_is_not_gone(inner: str, is_detail: bool) -> None:
    before = "def f(x):\n    y = g(x)\n    if x:\n        return y\n    return y.z\n"
    after = before.replace("    y = g(x)\n    if x:\n", f"    if x:\n        {inner}\n")
    parts = parts_of(before, after)
    fates = {one: Fate.UNNOTICED if one.operator == RETURNED else Fate.NOTICED for one in parts}
    gone = [one for one in parts if one.operator == RETURNED]
    assert [Details(before, after, fates).holds(one) for one in gone] == [is_detail]


@pytest.mark.parametrize(("name", "is_detail"), [("__eq__", True), ("total", False)])
def test_an_operator_may_refuse_an_unknown_type(name: str, is_detail: bool) -> None:
    after = f"class A:\n    def {name}(self, other):\n        return NotImplemented\n"
    (part,) = parts_of("", after)
    assert Details("", after, {part: Fate.UNNOTICED}).holds(part) is is_detail


@pytest.mark.parametrize(
    ("before", "after", "reported"),
    [
        ("raise E(f'{x.name}: no')\n", "raise E(f'{x.full}: no')\n", True),
        ("raise E(f'{x.name}: no')\n", "raise E(f'{x.full()}: no')\n", False),
        ("__version__ = '1.2'\n", "__version__ = '1.3'\n", True),
        ("VERSION_INFO = V(1, 2, 'final')\n", "VERSION_INFO = V(1, 3, 'final')\n", True),
        ("__version__ = '1.2'\n", "__version__ = run('1.3')\n", False),
        ("versions = 2\n", "versions = 3\n", False),
    ],
)
def test_the_number_of_the_release_and_the_words_of_an_error_are_reported(
    before: str, after: str, reported: bool
) -> None:
    (part,) = parts_of(before, after)
    assert (part.operator == MESSAGE) is reported
