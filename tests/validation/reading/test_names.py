"""Names in expressions, and a function's parameters."""

import ast

import pytest

from nightcrew.validation.reading.names import (
    ELSEWHERE,
    called,
    defaults_of,
    dotted,
    imported,
    is_text,
    last_part,
    names_of,
    only_guards,
    own_name,
    parameters_of,
)


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("text", "whole", "last", "own"),
    [
        ("a", "a", "a", "a"),
        ("a.b.c", "a.b.c", "c", "c"),
        ("a.b(1)", "a.b", "b", ""),
        ("a['x'].b", "a.b", "b", "b"),
        ("(a + b).c", "", "", "c"),
        ("1", "", "", ""),
    ],
)
def test_dotted_names(text: str, whole: str, last: str, own: str) -> None:
    node = expression(text)
    assert (dotted(node), last_part(node), own_name(node)) == (whole, last, own)


def test_names_of_calls_and_of_whole_expressions() -> None:
    call = expression("a.b(c, d.e)")
    assert isinstance(call, ast.Call)
    assert called(call) == "b"
    assert names_of(call) == {"a", "b", "c", "d", "e"}


def test_parameters_and_their_defaults() -> None:
    (node,) = ast.parse("def f(a, /, b, c=1, *d, e, g=2, **h): ...").body
    assert isinstance(node, ast.FunctionDef)
    assert [one.arg for one in parameters_of(node.args)] == ["a", "b", "c", "e", "g", "d", "h"]
    assert [(one.arg, ast.unparse(value)) for one, value in defaults_of(node.args)] == [
        ("c", "1"),
        ("g", "2"),
    ]


def test_a_statement_that_is_only_a_text() -> None:
    first, second = ast.parse("'text'\n1").body
    assert is_text(first)
    assert not is_text(second)


@pytest.mark.parametrize(
    ("text", "asks"),
    [("sys.version_info < (3, 9)", True), ("os.name == 'nt'", True), ("platform.system() == 'x'", True),
     ("sys.argv", False), ("version == 3", False)],
)  # fmt: skip
def test_conditions_on_the_python_or_the_platform(text: str, asks: bool) -> None:
    assert (ELSEWHERE.search(text) is not None) is asks


def test_imports_in_any_grouping() -> None:
    one, other = (imported(ast.parse(text).body) for text in (
        "from a import b, c as d\nimport e", "import e\nfrom a import c as d\nfrom a import b"))  # fmt: skip
    assert one.keys() == other.keys()
    assert (
        imported(ast.parse("from .a import b").body).keys()
        != imported(ast.parse("from a import b").body).keys()
    )


@pytest.mark.parametrize(
    ("condition", "without", "after", "guards"),
    [
        ("x and x.size > 3", "x.size > 3", ": return x", True),
        ("x and y == 3", "y == 3", ": return y", False),
        ("x and x is not NOTHING", "x is not NOTHING", ": return x", False),
        ("x and x is not NOTHING", "x", ": return x", True),
    ],
)
def test_an_operand_that_only_asks_whether_something_is_there(
    condition: str, without: str, after: str, guards: bool
) -> None:
    assert only_guards(condition, without, after) is guards
