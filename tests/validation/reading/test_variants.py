# ruff: noqa: E501
import ast
import sys
from types import ModuleType

import pytest

from nightcrew.validation.reading.variants import (
    ADJUSTED,
    EXTENDED,
    function_lines,
    neutral,
    perturbed,
    raising,
    returning_nothing,
)
from nightcrew.validation.rig import perturb
from tests.validation.house import PRICES


def load(source: str) -> dict[str, object]:
    names: dict[str, object] = {ADJUSTED: perturb.adjusted, EXTENDED: perturb.extended}
    perturb.touched.clear()
    exec(compile(source, "made.py", "exec"), names)
    return names


def test_a_neutral_change_is_another_text_with_the_same_behaviour() -> None:
    for salt in range(3):
        changed = neutral(PRICES, salt)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(PRICES))
        parse = load(changed)["parse_price"]
        assert callable(parse)
        assert [parse(text) for text in ("3.50 EUR", "12", "0.05")] == [350, 1200, 5]


def test_locals_that_somebody_looks_at_keep_their_names() -> None:
    source = "def f(a):\n    value = a\n    return locals()\n\n\ndef g(a):\n    kept = a\n    return lambda: kept\n"
    changed = neutral(source)
    assert load(changed)["f"](1) == {"a": 1, "value": 1}  # type: ignore[operator]
    assert "kept" in changed


def test_broken_versions_keep_generators_and_closures_what_they_are() -> None:
    source = (
        "def outer(x):\n    def inner():\n        return x\n    return inner\n\n\ndef many():\n    yield 1\n"
    )
    before, after = compile(source, "a", "exec"), compile(raising(source) or "", "a", "exec")
    flags = [
        [code.co_flags for code in module.co_consts if hasattr(code, "co_flags")]
        for module in (before, after)
    ]
    assert flags[0] == flags[1]
    assert returning_nothing(source) is not None


def test_a_function_that_does_nothing_is_no_control_of_doing_nothing() -> None:
    idle = 'def push(settings, name):\n    """Pushes nothing."""\n    return None\n'
    assert returning_nothing(idle) is None
    assert raising(idle) is not None
    assert "def push" in (returning_nothing(f"{idle}\n\ndef pull():\n    return 1\n") or "")


def test_perturbed_values_are_wrong_and_of_the_right_type() -> None:
    source = "def number():\n    return 1\n\n\ndef text():\n    return 'a'\n\n\ndef both():\n    return [number(), text()]\n\n\ndef nothing():\n    return None\n"
    names = load(perturbed(source) or "")
    call = {name: names[name] for name in ("number", "text", "both", "nothing")}
    assert call["number"]() == 2  # type: ignore[operator]
    assert call["text"]() == "nx"  # type: ignore[operator]
    assert call["both"]() == [2, "nx", "a"]  # type: ignore[operator]
    assert call["nothing"]() is None  # type: ignore[operator]


def test_texts_with_one_more_letter_still_have_their_parts() -> None:
    source = "def text():\n    return 'one and two'\n\n\ndef number():\n    return {'a': 1}\n"
    names = load(perturbed(source, name=EXTENDED) or "")
    assert names["text"]() == "one and twox"  # type: ignore[operator]
    assert names["number"]() == {"a": 2, "_x": 0}  # type: ignore[operator]


RECORDS = """\
from collections import namedtuple
from typing import NamedTuple

Pair = namedtuple("Pair", "name size")


class Address(NamedTuple):
    host: str
    port: int

    def is_local(self):
        return self.host == "localhost"


def pair():
    return Pair("a", 1)


def address():
    return Address("localhost", 80)
"""


def test_every_field_of_a_record_is_wrong_and_an_object_is_left_alone() -> None:
    names = load(perturbed(RECORDS) or "")
    assert names["pair"]() == ("nx", 2)  # type: ignore[operator]
    assert names["address"]() == ("localhost", 80)  # type: ignore[operator]


DECORATED = """\
from wrapping import wrapped


@wrapped
def inner():
    return True


def outer():
    return "yes" if inner() else "no"


def table():
    return {"a": 1}
"""
WRAPPING = """\
def wrapped(function):
    def call():
        return function() or None
    return call
"""


def test_what_the_module_gives_itself_stays_right_through_a_decorator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrapping = ModuleType("wrapping")
    exec(compile(WRAPPING, "wrapping.py", "exec"), vars(wrapping))
    monkeypatch.setitem(sys.modules, "wrapping", wrapping)
    names = load(perturbed(DECORATED) or "")
    assert names["outer"]() == "lrfx"  # type: ignore[operator]
    assert names["inner"]() is None  # type: ignore[operator]
    assert names["table"]() == {"a": 2, "_x": 0}  # type: ignore[operator]


CALLS = """\
import asyncio

async def later():
    await answer_later()

def dropped():
    answer()
    asyncio.run(later())
    with Opened():
        pass

def used():
    assert answer()
"""
ANSWERS = """\
def answer():
    return 3

async def answer_later():
    return 4

class Opened:
    def __enter__(self):
        return 5

    def __exit__(self, *error):
        return None
"""


def test_a_value_that_the_caller_throws_away_reaches_nobody() -> None:
    names = load(perturbed(ANSWERS) or "")
    exec(compile(CALLS, "test_calls.py", "exec"), names)
    names["dropped"]()  # type: ignore[operator]
    assert perturb.touched == []
    names["used"]()  # type: ignore[operator]
    assert perturb.touched == [1]


def test_nor_does_one_that_comes_through_others_to_a_caller_that_throws_it_away() -> None:
    names = load(perturbed(ANSWERS) or "")
    exec(compile("def through():\n    return [answer()]\n", "between.py", "exec"), names)
    calls = "def dropped():\n    through()\n\n\ndef used():\n    assert through()\n"
    exec(compile(calls, "test_calls.py", "exec"), names)
    names["dropped"]()  # type: ignore[operator]
    assert perturb.touched == []
    names["used"]()  # type: ignore[operator]
    assert perturb.touched == [1]


def test_how_a_thing_is_printed_counts_where_the_test_prints_it() -> None:
    names = load(perturbed("class Price:\n    def __repr__(self):\n        return 'a'\n") or "")
    exec(compile("def shown(price):\n    return f'no {price!r}'\n", "between.py", "exec"), names)
    calls = "def passing():\n    assert shown(Price())\n\n\ndef asked():\n    assert repr(Price())\n"
    exec(compile(calls, "test_calls.py", "exec"), names)
    names["passing"]()  # type: ignore[operator]
    assert perturb.touched == []
    names["asked"]()  # type: ignore[operator]
    assert perturb.touched == [1]


def test_only_lines_inside_functions_count() -> None:
    assert function_lines("A = 1\n\n\ndef f():\n    '''Doc.'''\n    return A\n\n\nclass B:\n    c = 2\n") == {
        6
    }
