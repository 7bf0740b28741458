# ruff: noqa: E501
"""What docstrings claim, and whether the code has it."""

import ast

import pytest

from nightcrew.validation.reading.claims import (
    Code,
    documented,
    false_claims,
    promised_errors,
    speaks_of_missing_result,
    unnamed_errors,
)
from nightcrew.validation.reading.docstrings import Entry, entries

MODULE = '''\
class PriceError(Exception):
    pass


class LostError(Exception):
    pass


def look(name):
    raise PriceError(name)


def find(name: str, size: int = 3, timeout_ms=100, strict=True, other=None, **more) -> int:
    """DOC"""
    look(name if other else 7)
    return size


def nothing(name):
    """DOC"""
    print(name)
'''


def claims(doc: str, function: str = "find") -> list[str]:
    source = MODULE.replace("DOC", doc.replace("\n", "\n    "))
    tree = ast.parse(source)
    code = Code({"m": tree}, {"look", "find", "PriceError", "LostError", "no_name_less"})
    return false_claims(entries(tree)[function], code)


@pytest.mark.parametrize(
    ("doc", "word"),
    [
        ("X.\n\n:param int size: how many\n:param timeout_ms: in seconds\n", "seconds as the unit"),
        ("X.\n\nArgs:\n    size (str): how many\n", "the type str of 'size'"),
        ("The size, or None if there is none.\n", "None as a result"),
        ("X.\n\nArgs:\n    size: how many. Defaults to 5.\n", "the default 5 of 'size'"),
        ("X.\n\nArgs:\n    name: whose. Defaults to 'x'.\n", "the default 'x' of 'name'"),
        ("X.\n\nArgs:\n    other: Defaults to 8.\n", "the default 8 of 'other', which is None"),
        ("X.\n\nParameters\n----------\nstrict : bool\n    default False\n", "the default False of 'strict'"),
        ("X.\n\nReturns:\n    str: the name\n", "the result's type str"),
        ("X.\n\nRaises:\n    LostError: always\n", "LostError"),
        ("X.\n\n:raises NoPriceError: always\n", "NoPriceError"),
        ("Like `find_all_prices`.", "find_all_prices"),
    ],
)
def test_what_is_false(doc: str, word: str) -> None:
    found = claims(doc)
    assert len(found) == 1 and word in found[0], found


@pytest.mark.parametrize(
    "doc",
    [
        "X.\n\n:param int size: how many\n:param timeout_ms: in milliseconds, not seconds\n:raises PriceError: x\n",
        "X.\n\nArgs:\n    name (str): whose\n    size: how many. Defaults to 3.\n    other: Defaults to 7.\n    deep: y\n",
        "X.\n\nArgs:\n    size (float): near enough\n\nRaises:\n    PriceError: where there is none\n    ValueError: x\n",
        "X.\n\nParameters\n----------\nname : str\n    whose\nsize : int, default 3\n\nReturns\n-------\nint\n    y\n",
        "X, see `no_name_less` and `str.upper`; times in seconds.",
    ],
)  # fmt: skip
def test_what_is_true_or_cannot_be_decided(doc: str) -> None:
    assert claims(doc) == []


@pytest.mark.parametrize(
    ("doc", "errors"),
    [
        ("X. Raises a ValueError for other names.\n", {"ValueError"}),
        ("X.\n\n:raises KeyError: sometimes\n", {"KeyError"}),
        ("X.\n\n:raises PriceError: always\n", set()),
        ("X. Raises `m.PriceError`, whatever is given.\n", set()),
    ],
)
def test_errors_that_nothing_names(doc: str, errors: set[str]) -> None:
    tree = ast.parse(MODULE.replace("DOC", doc.replace("\n", "\n    ")))
    assert unnamed_errors(entries(tree)["find"], Code({"m": tree}, {"PriceError"})) == errors


def test_an_error_that_is_only_caught_is_not_promised_by_the_code() -> None:
    source = 'def f(x):\n    """Gets.\n\n    :raises KeyError: not there\n    """\n    try:\n        return x[0]\n    except KeyError:\n        %s\n'
    caught, passed = (ast.parse(source % end) for end in ("raise ValueError() from None", "raise"))
    assert unnamed_errors(entries(caught)["f"], Code({"m": caught}, set())) == {"KeyError"}
    assert unnamed_errors(entries(passed)["f"], Code({"m": passed}, set())) == set()


def test_a_function_that_takes_less_or_gives_nothing() -> None:
    assert claims("X.\n\n:param size: y\n:param name: z\n", "nothing") == [
        "the parameter 'size', which does not exist"
    ]
    assert "a return value" in claims("X.\n\nReturns:\n    int: y\n", "nothing")[0]
    assert claims("X.\n\nReturns:\n    None: nothing\n", "nothing") == []


@pytest.mark.parametrize(
    ("name", "text", "missing"),
    [
        ("nothing", "Set the names; the cleaned one is returned.", True),
        ("nothing", "Returns the names.", True),
        ("nothing", "Returns True where a name is there.", True),
        ("nothing", "Waits until the server returns.", False),
        ("find", "Returns the names.", False),
    ],
)
def test_a_result_that_is_not_there(name: str, text: str, missing: bool) -> None:
    function = ast.parse(MODULE).body
    node = next(one for one in function if isinstance(one, ast.FunctionDef) and one.name == name)
    assert speaks_of_missing_result(Entry(name, node, text)) is missing


@pytest.mark.parametrize(
    "text",
    [
        "X.\n\n:param size: x\n:raises KeyError: y\n",
        "X.\n\nArgs:\n    size: how many\n        with more: words\n\nRaises:\n    KeyError: y\n",
        "X.\n\nParameters\n----------\nsize : int\n    how many\n\nRaises\n------\nKeyError\n    y\n",
    ],
)
def test_three_styles_are_read(text: str) -> None:
    types = {"size: int"} if "size : int" in text else set()
    assert documented(text) == {"parameters": {"size"}, "raises": {"KeyError"}, "types": types}


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("Loads.\n\nRaises:\n    errors.ParseError: it is not valid.\n", {"ParseError"}),
        ("Loads.\n\n:raises ParseError: it is not valid\n", {"ParseError"}),
        ("Loads.\n\nRaises\n------\nParseError\n    It is not valid.\n", {"ParseError"}),
        ("Loads; raises a `ParseError` where it is not valid.", {"ParseError"}),
        ("A :exc:`~shop.ParseError` is raised where it is not valid.", {"ParseError"}),
        ("Shows an AttributeError or the ImportError of a module.", set()),
        ("A test that raises Attention.", set()),
    ],
)
def test_errors_that_a_docstring_promises(text: str, errors: set[str]) -> None:
    assert promised_errors(text) == errors
