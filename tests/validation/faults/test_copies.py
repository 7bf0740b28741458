"""Statements and branches that base's function has too: for one more case, or moved."""

import ast

from nightcrew.validation.faults.copies import Copies, edit_of
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import GONE
from nightcrew.validation.reading.source_text import SourceText

BEFORE = """\
def f(x):
    if x == 1:
        count(x)
        return "one"
    return "none"
"""
AFTER = """\
def f(x):
    if x == 1:
        count(x)
        return "one"
    if x == 2:
        count(x)
        return "two"
    return "none"
"""
MOVED = """\
def f(x):
    x = int(x)
    if x == 1 or not x:
        count(x)
        return "one"
    return "none"
"""


def copies(after: str) -> Copies:
    return Copies(ast.parse(BEFORE), ast.parse(after), SourceText(after))


def part(text: str, of: str, *, last: bool = True) -> Mutant:
    start = text.rindex(of) if last else text.index(of)
    return Mutant(start, start + len(of), "pass", of, 1, 1, GONE, "f")


def test_a_statement_that_base_has_beside_one_that_tests_notice() -> None:
    found = copies(AFTER)
    two = part(AFTER, 'return "two"')
    assert found.is_copied(part(AFTER, "count(x)"), [two])
    assert not found.is_copied(part(AFTER, "count(x)"), [])  # nothing of its block is noticed
    assert not found.is_copied(two, [part(AFTER, "count(x)")])  # base does not have it
    assert not found.is_copied(part(AFTER, "count(x)"), [part(AFTER, 'return "one"')])  # of another block


def test_a_statement_twice_in_one_block_is_doubled() -> None:
    twice = AFTER.replace('        return "two"', '        count(x)\n        return "two"')
    assert not copies(twice).is_copied(part(twice, "count(x)"), [part(twice, 'return "two"')])


def test_the_condition_of_a_branch_that_base_has_too() -> None:
    found = copies(MOVED)
    assert found.is_moved(part(MOVED, "x == 1 or not x"))
    assert not found.is_moved(part(MOVED, "not x"))  # no whole condition
    doubled = MOVED + MOVED.split("    x = int(x)\n")[1]
    assert not copies(doubled).is_moved(part(doubled, "x == 1 or not x"))  # more often than on base


def test_an_edit_around_a_formatted_string_is_compared_as_it_stands() -> None:
    text = 'f"one {x} of {y:>3}" + "two"'
    edit = Mutant(0, len(text), text, f"print({text})", 1, 1, GONE, "f")
    before, after = edit_of(edit)
    assert "f'one {x} of {y:>3}'" in before and before != after
