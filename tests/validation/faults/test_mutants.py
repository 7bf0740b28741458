# ruff: noqa: E501
import ast

import pytest

from nightcrew.validation.faults.mutants import make_mutants, sample
from tests.validation.house import PRICES


def test_every_mutant_is_another_text_that_compiles() -> None:
    mutants = sample(PRICES, make_mutants(PRICES), 1000, seed="x")
    assert len(mutants) > 30
    for mutant in mutants:
        changed = mutant.apply(PRICES)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(PRICES)), mutant


def test_a_mutant_names_its_line_and_function() -> None:
    (mutant,) = [
        one for one in make_mutants("def f(a, b):\n    return a < b\n") if one.operator == "comparison"
    ]
    assert (mutant.line, mutant.function, mutant.name) == (2, "f", "line 2: `a < b` -> `(a) <= (b)`")


def test_offsets_count_characters_not_bytes() -> None:
    source = "def f():\n    return 'äöü' == 'x'\n"
    changed = {mutant.apply(source) for mutant in make_mutants(source)}
    assert "def f():\n    return ('äöü') != ('x')\n" in changed


def test_what_no_test_should_care_about_is_left_alone() -> None:
    source = '"""Doc."""\nimport logging\nlogger = logging.getLogger("a")\n\n\ndef f() -> "int":\n    """Doc."""\n    logger.info("x")\n    print("y")\n'
    assert make_mutants(source) == ()


def test_what_no_test_could_notice_is_left_alone() -> None:
    source = (
        'import sys\nfrom typing import Callable, TypeVar\n__license__ = "MIT"\nT = TypeVar("T")\n'
        'Make = Callable[["str"], "int"]\nif sys.version_info >= (3, 11):\n    import tomllib\n'
    )
    assert make_mutants(source) == ()


def test_words_for_those_who_ask_for_help_are_left_alone() -> None:
    source = 'parser.add_argument("name", help="what it is", dest="N")\nparser.add_argument(help=most(3))\n'
    assert {one.before for one in make_mutants(source)} == {'"name"', '"N"', "3"}


def test_the_name_that_a_made_class_has_of_itself_is_left_alone() -> None:
    source = 'Point = namedtuple("Point", "x y")\nlimit = setting("limit")\n'
    assert {one.before for one in make_mutants(source)} == {'"x y"', '"limit"'}


def test_the_sample_is_the_same_for_the_same_seed_and_spread_over_lines() -> None:
    mutants = make_mutants(PRICES)
    first = sample(PRICES, mutants, 12, seed="a")
    assert first == sample(PRICES, mutants, 12, seed="a")
    assert len({mutant.line for mutant in first}) == 12


def edits(body: str) -> set[tuple[str, str]]:
    """What stands in a function, and what is put in its place."""
    source = "def f(a, b):\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    return {(one.before, one.text) for one in make_mutants(source)}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return a < b", {("a < b", "None"), ("a < b", "(a) <= (b)")}),
        ("return a is not b", {("a is not b", "None"), ("a is not b", "(a) is (b)")}),
        ("x = a // b", {("a // b", "None"), ("a // b", "(a) * (b)")}),
        ("a += b", {("a += b", "a -= (b)")}),
        ("a *= b", {("a *= b", "a += (b)")}),
        ("if a:\n    b()", {("a", "(not (a))"), ("a", "(True)"), ("a", "(False)"), ("b()", "pass")}),
        ("while a:\n    break", {("a", "False"), ("break", "continue")}),
        ("for x in a:\n    continue", {("continue", "break")}),
        ("return a and b", {("a and b", "None"), ("a and b", "((a) or (b))")}),
        ("return not a", {("not a", "None"), ("not a", "(a)")}),
        ("return 2", {("2", "None"), ("2", "(3)")}),
        ("return True", {("True", "None"), ("True", "False")}),
        ("return 'a'", {("'a'", "None"), ("'a'", "'aXX'")}),
        ("return f'{a + 1}'", {("f'{a + 1}'", "None"), ("a + 1", "(a) - (1)"), ("1", "(2)")}),
        ("raise ValueError('no')", {("raise ValueError('no')", "pass")}),  # not the words of a message
        ("raise ValueError(a + 1)", {("raise ValueError(a + 1)", "pass")}),
        ("return None", set()),
        ("assert a", set()),
        ("log.info('x', 1)", set()),
        ("print(1)", set()),
        ("'''Says.'''", set()),
        ("x: int = 1", {("1", "(2)")}),
        ("T = TypeVar('T')", {("TypeVar('T')", "None")}),
        ("if sys.version_info < (3, 9):\n    a()", {("a()", "pass")}),
    ],
)
def test_faults_of_each_kind(body: str, found: set[tuple[str, str]]) -> None:
    assert edits(body) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("LIMIT = 3\n", {("3", "(4)")}),
        ("__all__ = ['f']\n", set()),
        ("log = get(1)\n", set()),
        ("Texts = List[str]\n", set()),
        ("if __name__ == '__main__':\n    run(1)\n", set()),
        ("if TYPE_CHECKING:\n    x = 1\n", set()),
        ("def f(a=1, *, b=2): ...\n", {("1", "(2)"), ("2", "(3)")}),
        ("@overload\ndef f(a):\n    return 1\n", set()),
    ],
)
def test_faults_of_code_that_runs_at_import(text: str, found: set[tuple[str, str]]) -> None:
    assert {(one.before, one.text) for one in make_mutants(text)} == found
