"""Edits of a text: where they lie, and whether the result is still Python."""

from nightcrew.validation.faults.mutant import Mutant, apart, are_apart, compiles, function_spans, short

TEXT = "x = 1\n\n\nclass A:\n    def f(self):\n        return x\n\n\ndef g():\n    return (1, 2)\n"


def edit(start: int, end: int, text: str = "pass") -> Mutant:
    return Mutant(start, end, text, TEXT[start:end], 1, 1, "taken away", "")


def replaced(old: str, new: str) -> Mutant:
    start = TEXT.index(old)
    return edit(start, start + len(old), new)


def test_spans_hold_whole_functions_and_methods() -> None:
    texts = [TEXT[start:end] for start, end in function_spans(TEXT)]
    assert sorted(texts) == ["    def f(self):\n        return x\n", "def g():\n    return (1, 2)\n"]


def test_an_edit_compiles_or_not_wherever_it_lies() -> None:
    spans = function_spans(TEXT)
    assert compiles(TEXT, replaced("return x", "pass"), spans)
    assert not compiles(TEXT, replaced("return x", "return ("), spans)
    assert not compiles(TEXT, replaced("(1, 2)", "1 2"), spans)
    assert compiles(TEXT, replaced("x = 1", "pass"), spans)
    assert not compiles(TEXT, replaced("x = 1", "x ="), spans)


def test_an_edit_shows_both_texts_on_one_line() -> None:
    assert replaced("(1,", "(3,").name == "line 1: `(1,` -> `(3,`"
    assert len(short("word " * 30)) == 60
    assert replaced("x = 1", "y = 2").apply(TEXT).startswith("y = 2\n")


def test_parts_inside_one_of_them_are_not_apart() -> None:
    assert not are_apart([])
    assert not are_apart([edit(0, 9), edit(2, 4)])
    assert are_apart([edit(0, 4), edit(6, 9)])
    assert are_apart([edit(0, 6), edit(4, 9)])


def test_only_an_edit_of_a_value_inside_a_function_is_subtle() -> None:
    inside = Mutant(0, 1, "2", "1", 1, 1, "constant", "g")
    at_import = Mutant(0, 1, "2", "1", 1, 1, "constant", "")
    gone = Mutant(0, 1, "pass", "1", 1, 1, "taken away", "g")
    assert [one.is_subtle for one in (inside, at_import, gone)] == [True, False, False]


def test_of_two_long_texts_what_differs_is_shown() -> None:
    table = '{\n    "first": to_first, "second": to_second, "third": to_third, "fourth": to_fourth}'
    other = "{'first': to_first, 'second': to_second, 'fourth': to_fourth}"
    assert apart(table, other) == ("..., 'third': to_third, 'fourth':...", "..., 'fourth':...")
    assert apart("x <  y", "x") == ("x < y", "x")
    assert apart(f"f({'a, ' * 30}b)", f"f({'a, ' * 30}c)") == ("...a, b)", "...a, c)")
