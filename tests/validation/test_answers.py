"""Results of one call on base and with the change: what counts as a difference, and what it is called."""

import pytest

from nightcrew.validation.answers import Answer, Compared, verb


@pytest.mark.parametrize(
    ("call", "before", "after", "differs"),
    [
        ("f(1)", "1", "2", True),
        ("f(1)", "1", "1", False),
        ("f(1)", "!ValueError: no", "1", True),
        ("f(1)", "1", "", False),  # the change was not asked
        ("f(1)", "!what does not end", "1", False),  # base gave no result to compare with
        ("f(1)", "cannot be called: no f", "1", False),
        ("f('a')", "!FileExistsError", "something else each time", True),
        ("f('a')", "1", "something else each time", True),
        ("f(<generator object g>)", "[1]", "[]", False),  # an earlier read used it up
    ],
)
def test_only_two_known_results_can_differ(call: str, before: str, after: str, differs: bool) -> None:
    assert Answer(call, before, after).differs is differs


def test_an_error_with_a_message_is_the_products_own() -> None:
    answer = Answer("f('a')", "!KeyError", "!ValueError: no 'a'")
    assert answer.is_own == (False, True)
    assert answer.turn == ("KeyError", "ValueError")
    assert answer.sentence == "f('a') raises ValueError: no 'a', on base it raises KeyError"
    assert Answer("f(1)", "1", "2").turn == ("", "")


def test_what_gives_no_result_is_not_called_an_error() -> None:
    assert verb("!the end of the process") == "gives the end of the process"
    assert verb("x" * 200) == "gives " + "x" * 80


@pytest.mark.parametrize(
    ("before", "growth", "least", "is_slower"),
    [
        ("1", (4.0, 16.0), 6.0, True),
        ("1", (4.0, 7.0), 6.0, False),  # not twice base's growth
        ("1", (2.0, 5.0), 6.0, False),  # below what was asked for
        ("1", (0.0, 16.0), 6.0, False),  # base was not measured
        ("cannot be called: no f", (0.0, 16.0), 6.0, True),
        ("cannot be called: no f", (0.0, 16.0), 0.0, False),
        ("cannot be called: no f", (0.0, 2000.0), 6.0, False),  # too slow to be measured
    ],
)
def test_work_that_grows_faster_than_on_base(
    before: str, growth: tuple[float, float], least: float, is_slower: bool
) -> None:
    compared = Compared("f", Answer("f(x)", before, "1", growth=growth), frozenset(), ())
    assert bool(compared.slower(least)) is is_slower


@pytest.mark.parametrize(
    ("name", "is_inner"), [("Shop._total", True), ("_Shop.total", True), ("Shop.__len__", False)]
)
def test_only_private_names_are_inner(name: str, is_inner: bool) -> None:
    assert Compared(name, Answer("f()", "1", "1"), frozenset(), ()).is_inner is is_inner
