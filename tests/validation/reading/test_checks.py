"""The checks of a test: how strict each is, and which of two accepts more."""

import ast

import pytest

from nightcrew.validation.reading.checks import Check, Strictness, checks_of, read_tests
from nightcrew.validation.reading.suite import all_functions


def checks(body: str, more: str = "") -> tuple[Check, ...]:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    functions = all_functions(ast.parse(f"def test_it():\n{lines}\n\n\n{more}"))
    return checks_of(functions["test_it"], functions)


@pytest.mark.parametrize(
    ("body", "strictness"),
    [
        ("assert True", Strictness.NOTHING),
        ("assert x == x", Strictness.NOTHING),
        ("assert x or not x", Strictness.NOTHING),
        ("self.assertEqual(x, x)", Strictness.NOTHING),
        ("self.assertTrue(f(), [1])", Strictness.NOTHING),
        ("self.assertTrue(f(), 'not found')", Strictness.PARTLY),
        ("try:\n    assert f() == 1\nexcept Exception:\n    pass", Strictness.NOTHING),
        ("with suppress(AssertionError):\n    assert f() == 1", Strictness.NOTHING),
        ("assert isinstance(f(), int)", Strictness.TYPE),
        ("self.assertIsNotNone(f())", Strictness.TYPE),
        ("assert 1 in f()", Strictness.PARTLY),
        ("assert f() == 1 or f() == 2", Strictness.PARTLY),
        ("with pytest.raises(Exception):\n    f()", Strictness.PARTLY),
        ("assert f() == pytest.approx(1)", Strictness.NEARLY),
        ("assert f() == 1", Strictness.EXACTLY),
        ("self.assertEqual(f(), 1)", Strictness.EXACTLY),
        ("with pytest.raises(KeyError):\n    f()", Strictness.EXACTLY),
        ("warnings.simplefilter('error')", Strictness.EXACTLY),
    ],
)
def test_how_strict_a_check_is(body: str, strictness: Strictness) -> None:
    assert [one.strictness for one in checks(body)] == [strictness]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("assert f() == 1", "assert f()", "lets more pass"),
        ("assert f() == 1", "if x:\n    assert f() == 1", "only sometimes"),
        ("assert f() == approx(1, rel=1e-6)", "assert f() == approx(1, rel=0.1)", "tolerance is wider"),
        ("with raises(KeyError):\n    f()", "with raises(LookupError):\n    f()", "less exact"),
        ("with raises(KeyError, match='a'):\n    f()", "with raises(KeyError):\n    f()", "less exact"),
        ("with raises(KeyError):\n    f()", "with raises((KeyError, OSError)):\n    f()", "less exact"),
    ],
)
def test_a_looser_check_is_named_and_the_stricter_one_is_not(before: str, after: str, why: str) -> None:
    (old,), (new,) = checks(before), checks(after)
    assert why in new.looser_than(old)
    assert old.looser_than(new) == ""


def test_a_check_in_every_branch_always_runs() -> None:
    assert [one.conditional for one in checks("if x:\n    assert f() == 1\nelse:\n    assert f() == 2")] == [
        False,
        False,
    ]


def test_a_helper_gives_its_checks_to_each_call_and_is_not_entered_from_itself() -> None:
    found = checks("same(f())\nsame(g())", "def same(one):\n    assert one == 1\n    same(one)\n")
    assert [one.text for one in found] == ["one == 1", "one == 1"]


def test_nothing_behind_a_return_is_a_check() -> None:
    assert checks("return\nassert f() == 1") == ()


def test_a_test_is_about_errors_alone_where_each_check_expects_one() -> None:
    text = "def test_a():\n    with raises(KeyError):\n        f()\n\n\n"
    text += "def test_b():\n    assert f() == 1\n    assert True\n"
    first, second = read_tests(ast.parse(text))
    assert (first.only_refuses, second.only_refuses) == (True, False)
    assert (second.count, second.empty) == (1, ("True",))
    assert [one.name for one in read_tests(ast.parse(text), only={"test_b"})] == ["test_b"]


@pytest.mark.parametrize(
    ("check", "asks"),
    [
        ("verifyObject(ICart, Cart())", True),
        ("self.assertTrue(verifyClass(ICart, Cart))", True),
        ("assert isinstance(f(), Cart)\n    assert hasattr(f(), 'add')", True),
        ("assert isinstance(f(), Cart)\n    assert f() == 1", False),
        ("f()", False),
    ],
)
def test_a_test_is_about_an_interface_where_each_check_asks_what_something_is(check: str, asks: bool) -> None:
    (found,) = read_tests(ast.parse(f"def test_a():\n    {check}\n"))
    assert found.is_about_interface is asks
