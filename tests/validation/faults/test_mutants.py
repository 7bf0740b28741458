# ruff: noqa: E501
import ast

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


def test_the_sample_is_the_same_for_the_same_seed_and_spread_over_lines() -> None:
    mutants = make_mutants(PRICES)
    first = sample(PRICES, mutants, 12, seed="a")
    assert first == sample(PRICES, mutants, 12, seed="a")
    assert len({mutant.line for mutant in first}) == 12
