"""Edits: what two of them have in common."""

from nightcrew.validation.faults.edits import edit_of
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import GONE


def test_an_edit_around_a_formatted_string_is_compared_as_it_stands() -> None:
    text = 'f"one {x} of {y:>3}" + "two"'
    edit = Mutant(0, len(text), text, f"print({text})", 1, 1, GONE, "f")
    before, after = edit_of(edit)
    assert "f'one {x} of {y:>3}'" in before and before != after
