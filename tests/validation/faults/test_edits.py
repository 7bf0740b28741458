"""Edits: what two of them have in common, and what they come to."""

import ast

import pytest

from nightcrew.validation.faults.edits import edit_of, is_extracted, is_same_text
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import BACK, GONE


def test_an_edit_around_a_formatted_string_is_compared_as_it_stands() -> None:
    text = 'f"one {x} of {y:>3}" + "two"'
    edit = Mutant(0, len(text), text, f"print({text})", 1, 1, GONE, "f")
    before, after = edit_of(edit)
    assert "f'one {x} of {y:>3}'" in before and before != after


HELPER = (
    'class A:\n    def cut(self, name, level):\n        """Says."""\n        return name.split(".")[:level]\n'
)


@pytest.mark.parametrize(
    ("helper", "call", "former", "is_it"),
    [
        (HELPER, "self.cut(word, most)", 'word.split(".")[:most]', True),
        (HELPER.replace("self, ", ""), "cut(word, 2)", 'word.split(".")[:2]', True),
        (HELPER, "self.cut(word, most)", 'word.split(".")[:most + 1]', False),
        (HELPER, "self.cut(most, word)", 'word.split(".")[:most]', False),
        (
            HELPER,
            "self.cut(word(), most)",
            'word().split(".")[:most]',
            False,
        ),  # it runs as often as it is used
        (
            HELPER.replace("        return", "        log()\n        return"),
            "self.cut(w, 2)",
            'w.split(".")[:2]',
            False,
        ),
        (HELPER.replace("    def", "    @cache\n    def"), "self.cut(w, 2)", 'w.split(".")[:2]', False),
    ],
)
def test_a_function_that_gives_the_expression_which_stood_there(
    helper: str, call: str, former: str, is_it: bool
) -> None:
    part = Mutant(0, len(call), former, call, 1, 1, BACK, "f")
    assert is_extracted(part, ast.parse(helper)) is is_it


@pytest.mark.parametrize(
    ("new", "old", "is_it"),
    [
        ('f"?{join(x)}"', '"?" + join(x)', True),
        ('f"a{x}b{y}"', '"a{}b{}".format(x, y)', True),
        ('"a" + x + "b"', 'f"a{x}b"', True),
        ('f"?{join(x)}&"', '"?" + join(x)', False),
        ('f"a{x!r}"', '"a" + x', False),
        ('f"a{x:>3}"', '"a{}".format(x)', False),
        ('f"{x}{y}"', "x + y", False),  # numbers, too, can be added
        ('f"a{y}b{x}"', '"a{}b{}".format(x, y)', False),
        ('"a{0}".format(x)', 'f"a{x}"', False),
        ("g(", "x", False),
    ],
)
def test_a_text_put_together_from_the_same_pieces(new: str, old: str, is_it: bool) -> None:
    assert is_same_text(Mutant(0, len(new), old, new, 1, 1, BACK, "f")) is is_it
