# ruff: noqa: E501
import ast

import pytest

from nightcrew.validation.reading.checks import read_tests
from nightcrew.validation.reading.suite import (
    cannot_fail,
    code_of,
    copied,
    is_weak,
    parse,
    same_tree,
    texts_of_tests,
    tree_of,
    tree_text,
    walk,
)


def test_a_byte_order_mark_is_no_error() -> None:
    tree = parse("\ufeffx = 1\n")
    assert tree is not None
    assert ast.dump(tree) == ast.dump(tree_of("\ufeffx = 1\n")) == ast.dump(ast.parse("x = 1\n"))


SYNTAX = """
import a.b as c
from . import d
async def f(x: int = 1, *args, y=2, **words) -> "str":
    global g
    match x:
        case {"k": [1, *rest], **more} if x > 1 or y: del x
        case C(p=-1j) | None as name: return f"{x!r:>{y}}"
    try:
        async with q(z=3) as r, s: yield (n := [i async for i in x if i])
    except* (E, F) as e: raise G from e
    else: x[1:2, ...] += lambda v, /: v
    finally: assert not x, "m"
@h
class K[T: int](B, metaclass=M):
    type Alias[U] = list[U]
    a: int
"""


def test_all_nodes_of_a_tree_in_order() -> None:
    tree = ast.parse(SYNTAX)
    nodes = [one for one in ast.walk(tree) if not isinstance(one, ast.expr_context)]
    assert [*map(id, walk(tree))] == [*map(id, nodes)]


def test_texts_of_trees_are_equal_where_pythons_own_are() -> None:
    trees = [*ast.walk(ast.parse(SYNTAX)), *ast.walk(ast.parse(SYNTAX.replace("x[1:2", "z[1:2")))]
    assert len({(ast.dump(one), tree_text(one)) for one in trees}) == len(set(map(ast.dump, trees)))
    assert len(set(map(tree_text, trees))) == len(set(map(ast.dump, trees)))


def test_a_copied_tree_shares_nothing_that_can_change() -> None:
    tree = ast.parse(SYNTAX)
    other = copied(tree)
    assert ast.dump(other, include_attributes=True) == ast.dump(tree, include_attributes=True)
    assert not any(one._fields for one in {*ast.walk(tree)} & {*ast.walk(other)})
    known = {id(held) for one in ast.walk(tree) for held in vars(one).values() if isinstance(held, list)}
    assert not any(id(held) in known for one in ast.walk(other) for held in vars(one).values())


def test_trees_are_the_same_where_their_texts_are() -> None:
    assert same_tree(ast.parse(SYNTAX), ast.parse(f"# a comment\n{SYNTAX}"))
    edits = {
        "int = 1": "int = 1.0", "y=2": "y=True", "del x": "del y", "-1j": "1j", "*rest": "*rest2",
        "global g": "pass", "async with": "with", "except*": "except", "x[1:2, ...]": "x[1:2]", "/:": ":",
        "from . import": "from .. import", "as c": "as e", "K[T: int]": "K[T]", "@h\n": "", "!r": "!s",
    }  # fmt: skip
    for old, new in edits.items():
        assert old in SYNTAX
        assert not same_tree(ast.parse(SYNTAX), ast.parse(SYNTAX.replace(old, new, 1))), old


def condition(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    "text",
    ["True", "1", "'x'", "f(1) or True", "x == x", "f(x) == f(x)", "(a, b)", "len(x) >= 0", "1 == 1", "not False",
     "isinstance(x, object)", "Money(1) >= Money(1)", "x or not x", "a == b or a != b", "bool(1)"],
)  # fmt: skip
def test_a_condition_that_cannot_fail(text: str) -> None:
    assert cannot_fail(condition(text))


@pytest.mark.parametrize(
    "text",
    [
        "f(1)",
        "f(1) == 2",
        "x",
        "not x",
        "x or y",
        "len(x) >= 1",
        "f(x) == f(y)",
        "x != x",
        "a.Money(1) == a.Money(1)",
    ],
)
def test_a_condition_that_can(text: str) -> None:
    assert not cannot_fail(condition(text))


def test_a_value_bound_to_a_name_is_seen_through() -> None:
    assert cannot_fail(condition("f(1) == e"), {"e": tree_text(condition("f(1)"))})


@pytest.mark.parametrize(
    ("text", "weak"), [("x is not None", True), ("isinstance(x, int)", True), ("x == 1", False)]
)
def test_weak_checks(text: str, weak: bool) -> None:
    assert is_weak(condition(text)) is weak


@pytest.mark.parametrize(
    ("body", "checks"),
    [
        ("assert f() == 1", 1),
        ("f()", 0),
        ("assert True", 0),
        ("with pytest.raises(ValueError):\n    f()", 1),
        ("self.assertEqual(f(), 1)", 1),
        ("self.assertTrue(True)", 0),
        ("helper(f())", 1),
        ("fake.assert_called_once_with(1)", 1),
        ("try:\n    assert f() == 1\nexcept Exception:\n    pass", 0),
        ("try:\n    assert f() == 1\nexcept ValueError:\n    pass", 1),
        ("try:\n    f()\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError", 1),
        ("with suppress(AssertionError):\n    assert f() == 1", 0),
        ("e = f(1)\nassert f(1) == e", 0),
    ],
)
def test_checks_are_counted_through_helpers_and_not_where_they_are_swallowed(body: str, checks: int) -> None:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    tree = ast.parse(f"def helper(x):\n    assert x == 3\n\n\ndef test_a(self=None):\n{lines}\n")
    assert [test.count for test in read_tests(tree)] == [checks]


def test_a_list_of_tests_for_other_runners_is_no_test() -> None:
    source = "def test_suite():\n    return unittest.TestSuite(())\n\n\ndef test_a():\n    assert f() == 1\n"
    assert [test.name for test in read_tests(ast.parse(source))] == ["test_a"]


def test_a_warning_made_an_error_is_a_check() -> None:
    source = "def test_a():\n    with warnings.catch_warnings():\n        warnings.simplefilter('error')\n        f()\n"
    assert [test.count for test in read_tests(ast.parse(source))] == [1]


@pytest.mark.parametrize(
    ("body", "refuses", "only_refuses"),
    [
        ("    with pytest.raises(ValueError):\n        f(1)\n", True, True),
        (
            "    with pytest.raises(ValueError, match='no'):\n        f(1)\n    assert f(2) == 3\n",
            True,
            False,
        ),
        ("    with pytest.raises(Exception):\n        f(1)\n", False, False),
        ("    f(1)\n", False, False),
    ],
)
def test_a_test_of_refusals_is_about_no_value(body: str, refuses: bool, only_refuses: bool) -> None:
    (test,) = read_tests(ast.parse(f"def test_a():\n{body}"))
    assert (test.refuses, test.only_refuses) == (refuses, only_refuses)


USED = """
import shop

TABLE = {1: helped(1)}
OTHER = hash("a")


class Base:
    def check(self):
        return id(self)


class Unused:
    def __hash__(self):
        return 1


def helped(number):
    return number


@pytest.fixture
def price():
    return TABLE


class TestPrice(Base):
    def setUp(self):
        self.limit = 3

    def test_one(self, price):
        assert price == self.limit

    def test_other(self):
        assert Unused()
"""


def test_code_of_a_test_is_what_it_uses_and_what_is_around_it() -> None:
    found = {getattr(one, "name", ast.unparse(one)) for one in code_of(ast.parse(USED), {"test_one"})}
    assert found == {"TABLE = {1: helped(1)}", "Base", "helped", "price", "setUp", "test_one"}


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("CASES = {'a': 1}", "CASES = {'a': 1, 'b': 2}", True),  # of the class, and of no other one
        ("LIMIT = 3", "LIMIT = 4", True),
        ("OTHER = 3", "OTHER = 4", False),
    ],
)
def test_a_table_of_cases_is_part_of_the_tests_that_name_it(old: str, new: str, differs: bool) -> None:
    text = "LIMIT = 3\nOTHER = 3\n\n\nclass TestA:\n    CASES = {'a': 1}\n\n    def test_it(self):\n"
    text += "        check(self.CASES, LIMIT)\n\n\nclass TestB:\n    CASES = {}\n\n    def test_it(self):\n        check(self.CASES)\n"
    before, after = (texts_of_tests(ast.parse(one)) for one in (text, text.replace(old, new)))
    assert (before["TestA.test_it"] != after["TestA.test_it"]) is differs
    assert before["TestB.test_it"] == after["TestB.test_it"]
