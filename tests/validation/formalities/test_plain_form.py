"""Expressions that come to the same, and those that only look like it."""

import ast

import pytest

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import BACK
from nightcrew.validation.formalities.plain_form import is_same, is_set_inside
from nightcrew.validation.reading.source_text import SourceText

FILE = """\
def cut(name, level, mark="."):
    'Says.'
    return name.split(mark)[:level]

def sent(text, *, to=None, mode="w"):
    log(text)
    return to

def open_to(text, **more):
    return text

@cache
def kept(text, mode=None):
    return text

def twice(text): ...
twice = sent

class Shop:
    def send(self, text, to=None):
        log(text)

    def head(self, word):
        return cut(word, 2)

def used(shop, word):
    first = word.title()
    again = getattr(shop, "again", None)
    late = word.title()
    word = late
    HERE
"""
VALUES = {"MARK": ast.Constant(","), "DOT": ast.Constant("."), "word": None}
SAME = [
    ("cut(word, most)", 'word.split(".")[:most]'),
    ("cut(level=most, name=word)", 'word.split(".")[:most]'),
    ("cut(word, most)", "word.split(DOT)[:most]"),
    ("shop.head(word)", 'word.split(".")[:2]'),
    ("x.split(MARK)", "x.split(',')"),
    ("sent(x, to=None)", "sent(x)"),
    ("sent(text=x, to=y)", "sent(x, mode='w', to=y)"),
    ("shop.send(x, to=y)", "shop.send(x, y)"),
    ("shop.send(x, to=None)", "shop.send(x)"),
    ("shop.send(text=x, to=y)", "shop.send(x, to=y)"),
    ("again.find(x)", "getattr(shop, 'again').find(x)"),
    ("type(x.y)(1)", "x.y.__class__(1)"),
    ('f"?{join(x)}"', '"?" + join(x)'),
    ('f"a{x}b{y}"', '"a{}b{}".format(x, y)'),
    ('"a" + x + "b"', 'f"a{x}b"'),
    ("sent(f'a{x}')", "sent('a' + x)"),
]
OTHER = [
    ("cut(word, most)", 'word.split(".")[:most + 1]'),
    ("cut(most, word)", 'word.split(".")[:most]'),
    ("cut(word(), most)", 'word().split(".")[:most]'),  # it runs as often as it is used
    ("cut(word, most, ',')", 'word.split(".")[:most]'),
    ("kept(x)", "x"),  # a decorator may do anything
    ("kept(x, None)", "kept(x)"),
    ("twice(x, None)", "twice(x)"),
    ("sent(x, to=1)", "sent(x)"),
    ("sent(x, *y)", "sent(x)"),
    ("sent(x, to=None)", "other(x)"),
    ("open_to(x, to=None)", "open_to(x)"),
    ("shop.send(x, None)", "shop.send(x)"),  # another class's method, perhaps
    ("shop.send(x, y)", "shop.send(y, x)"),
    ("shop.send(text=x, to=y)", "shop.send(to=x, text=y)"),
    ("late.find(x)", "word.title().find(x)"),  # the word has changed
    ("x.split(MARK)", "x.split(';')"),
    ('f"?{join(x)}&"', '"?" + join(x)'),
    ('f"a{x!r}"', '"a" + x'),
    ('f"a{x:>3}"', '"a{}".format(x)'),
    ('f"{x}{y}"', "x + y"),  # numbers, too, can be added
    ('f"a{y}b{x}"', '"a{}b{}".format(x, y)'),
    ('"a{0}".format(x)', 'f"a{x}"'),
    ("x or None", "x"),
    ("g(", "x"),
    ("x = 1", "x"),
]


def come_to_the_same(new: str, old: str) -> bool:
    line = FILE.splitlines().index("    HERE") + 1
    part = Mutant(0, len(new), old, new, line, line, BACK, "used")
    return is_same(part, ast.parse(FILE.replace("HERE", "pass")), VALUES.get)


@pytest.mark.parametrize(("new", "old"), SAME)
def test_another_way_to_write_the_same(new: str, old: str) -> None:
    assert come_to_the_same(new, old)


@pytest.mark.parametrize(("new", "old"), OTHER)
def test_what_only_looks_the_same(new: str, old: str) -> None:
    assert not come_to_the_same(new, old)


@pytest.mark.parametrize(
    ("body", "is_it"),
    [
        ("if mode is None:\n        mode = Writer\n    return mode", True),
        ("log(text)\n    if mode is None:\n        mode = Writer\n    return mode", True),
        ("if mode is None:\n        mode = Reader\n    return mode", False),
        ("log(mode)\n    if mode is None:\n        mode = Writer\n    return mode", False),
        ("if not mode:\n        mode = Writer\n    return mode", False),
        ("return mode", False),
    ],
)
def test_a_default_that_the_function_sets_itself(body: str, is_it: bool) -> None:
    code = f"def send(text, mode=None):\n    'Says.'\n    {body}\n"
    start = code.index("None")
    part = Mutant(start, start + 4, "Writer", "None", 1, 1, BACK, "")
    assert is_set_inside(part, ast.parse(code), SourceText(code)) is is_it
