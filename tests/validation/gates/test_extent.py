"""No more and no less than the bug: fixes of one input, of too many, and of the right ones."""

from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.answers import Answer, Compared
from nightcrew.validation.change.change import Change
from nightcrew.validation.faults.comparison import Side, _by_chance
from nightcrew.validation.faults.literals import other_parameters
from nightcrew.validation.gate import Gate
from nightcrew.validation.gates.behaviour import Behaviour
from nightcrew.validation.gates.extent import BEYOND_LINEAR, Extent, _unasked
from nightcrew.validation.rig.protocol import Made
from nightcrew.validation.rig.replay import NOT_CALLED
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.run_results import RecordedCall
from nightcrew.validation.verdict import GateOutcome, GateResult
from tests.validation.house import House, make_house

CODE = "src/shop/forms.py"
BASE = '''\
"""Forms of a shop."""

import json


def parse(text):
    """Pairs of a text such as `a=1;c=2`; raises ValueError where there is none."""
    pairs = {}
    for part in text.split(";"):
        name, sign, value = part.partition("=")
        if not sign:
            raise ValueError(f"no pair: {part!r}")
        pairs[name] = value
    return pairs


def scaled(value, multiplier):
    return value * multiplier


def port(scheme):
    """Of http or https."""
    return {"http": 80}.get(scheme)


KNOWN = {"\\ufeffa=1"}


def saved(source):
    return json.loads(source.read())[1:]


class Basket:
    def __init__(self, prices):
        self.prices = prices

    def total(self):
        return sum(self.prices[1:])
'''
TESTS = """\
from shop.forms import Basket, parse, port, scaled


def test_forms():
    assert parse("a=1;c=2") == {"a": "1", "c": "2"}
    assert scaled(2.0, 3.0) == 6.0
    assert port("http") == 80
"""
FILES = {
    "src/shop/__init__.py": "",
    CODE: BASE,
    "tests/test_forms.py": TESTS,
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
}
HEAD = "from shop.forms import Basket, parse, port, scaled\n\n\ndef test_fix():\n    assert "
MARK = HEAD + 'parse("\\ufeffa=1") == {"a": "1"}\n'
LARGE = HEAD + "scaled(5.0, 1e300) == 5.0\n"
BASKET = HEAD + "Basket([2, 3]).total() == 5\n"
FILE = """\
from shop.forms import saved


class Source:
    def __init__(self):
        self.read = lambda: "[77, 8]"


def test_fix():
    assert saved(Source()) == [77, 8]
"""
SQUARE = (
    FILE.replace("(self):", "(self, first):")
    .replace('"[77, 8]"', "json.dumps([first, 8])")
    .replace("saved(Source())", "saved(Source(77))")
    .replace("from shop", "import json\n\nfrom shop", 1)
)
LOOP = '    pairs = {}\n    for part in text.split(";"):'


def before_loop(text: str) -> tuple[str, str]:
    return LOOP, f"    {text}\n{LOOP}"


FIXES: dict[str, tuple[tuple[str, str], str, str]] = {
    "the mark": (before_loop('text = text.removeprefix("\\ufeff")'), MARK, ""),
    "a method": (("self.prices[1:]", "self.prices"), BASKET, ""),
    "one input": (
        before_loop('if text == "\\ufeffa=1":\n        return {"a": "1"}'),
        MARK,
        "answered as before",
    ),
    "one beginning": (
        before_loop('if text.startswith("\\ufeffa="):\n        text = text[1:]'),
        MARK,
        "knows the tests' own '\\ufeffa='",
    ),
    "one number": (
        ("return value * multiplier", "return value if multiplier == 1e300 else value * multiplier"),
        LARGE,
        "knows the tests' own 1e+300",
    ),
    "one object": (
        (
            "return sum(self.prices[1:])",
            "return sum(self.prices if self.prices == [20, 3] else self.prices[1:])",
        ),
        BASKET.replace("[2, 3]", "[20, 3]").replace("== 5", "== 23"),
        "answered as before",
    ),
    "one of a set": (
        before_loop('if text in KNOWN:\n        return {"a": "1"}'),
        MARK,
        "answered as before",
    ),
    "one file": (
        (
            "return json.loads(source.read())[1:]",
            "found = json.loads(source.read())\n    return found if found[0] == 77 else found[1:]",
        ),
        FILE,
        "in the tests, all is as it was on base",
    ),
    "one square": (
        (
            "return json.loads(source.read())[1:]",
            "found = json.loads(source.read())\n    return found if found[0] ** 2 == 5929 else found[1:]",
        ),
        SQUARE,
        "in the tests, all is as it was on base",
    ),
    "a test that fails before its bug with another value": (
        (
            "return json.loads(source.read())[1:]",
            "found = json.loads(source.read())\n    return found if len(found) < 5929 else found[1:]",
        ),
        SQUARE.replace("    assert", '    assert Source(77).read() == "[77, 8]"\n    assert'),
        "",
    ),
    "any file": (
        ("return json.loads(source.read())[1:]", "return json.loads(source.read())[77 - 77:]"),
        FILE,
        "",
    ),
    "every error swallowed": (
        ('raise ValueError(f"no pair: {part!r}")', "continue"),
        HEAD + 'parse("a=1;") == {"a": "1"}\n',
        "ValueError is not raised any more",
    ),
    "more work": (
        before_loop(
            'text = "".join(one for at, one in enumerate(text)\n'
            '        if sum(one == other for other in text[:at]) < 0 or one != "\\ufeff")'
        ),
        MARK,
        "times the work instead of",
    ),
    "an order by hashes": (
        (
            "    return pairs\n\n\ndef scaled",
            '    return {one.lstrip("\\ufeff"): pairs[one] for one in set(pairs)}\n\n\ndef scaled',
        ),
        MARK,
        "with other hashes",
    ),
    "more is refused": (
        before_loop('text = text.removeprefix("\\ufeff")\n    if "b" in text:\n        raise KeyError(text)'),
        MARK,
        "refuses what base takes",
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    return make_house(tmp_path_factory.mktemp("forms") / "repo", settings, sandbox, FILES)


class Both(Gate):
    """The behaviour gate finds the reproducers, then the extent is judged."""

    name = "both"

    def run(self, room: CleanRoom) -> GateResult:
        first = Behaviour().run(room)
        return first if first.outcome is not GateOutcome.PASS else Extent().run(room)


@pytest.mark.parametrize(("edit", "test", "words"), FIXES.values(), ids=FIXES)
def test_the_extent_of_a_fix(shop: House, edit: tuple[str, str], test: str, words: str) -> None:
    files = {CODE: BASE.replace(*edit), "tests/test_fix.py": test}
    assert files[CODE] != BASE
    result = shop.ask(Both(), files, shop.task(TaskType.BUG_FIX, CODE))
    assert (result.outcome is GateOutcome.PASS) == (not words), result.message
    assert words in result.message


@pytest.mark.parametrize(("name", "counts"), [("Pair.__hash__", False), ("Pair.order", True)])
def test_a_result_that_other_hashes_change_counts_unless_it_is_a_hash(name: str, counts: bool) -> None:
    once, again = (Side([[Made("it", f"gives {number}")]], {}, {}) for number in (1, 2))
    call = RecordedCall("shop", name, "", frozenset())
    assert bool(_by_chance(once, again, [call])) is counts


NOTHING = SimpleNamespace(python={})


def test_functions_that_take_other_parameters() -> None:
    methods = "    def g(self, x):\n        pass\n\n    def h(self):\n        pass\n"
    before = f"def f(x):\n    pass\n\n\nclass A:\n{methods}"
    after = before.replace("g(self, x)", "g(self, x, y=True)").replace("        pass", "        return 1")
    room: Any = SimpleNamespace(
        changes=(Change(CODE, before, after),), is_test=lambda path: False, base_tree=NOTHING
    )
    assert other_parameters(room) == {"A.g"}


@pytest.mark.parametrize(
    ("name", "before", "after", "is_refused"),
    [
        ("f", "1", "!TypeError", True),
        ("f", "!ValueError: 'no'", "!KeyError", True),  # base raises it itself
        ("f", "!ValueError", "!KeyError", False),  # Python raised it for base, in the middle of something
        ("f", "!TypeError", "!AssertionError: ''", False),
        ("f", "!TypeError", "1", False),
        ("_f", "1", "!what waits until the time limit", True),
        ("f", "!what waits until the time limit", "1", False),
        ("A._inner", "''", "!StopIteration", False),  # its callers decide what it gets
        ("A._inner", "''", "!LookupError: 'no'", True),
        ("A.__call__", "''", "!StopIteration", True),
    ],
)
def test_another_error_counts_in_place_of_a_value_or_of_an_error_that_base_means(
    name: str, before: str, after: str, is_refused: bool
) -> None:
    text = "def f(x):\n    raise ValueError\n"
    room: Any = SimpleNamespace(
        changes=(Change(CODE, text, text),), is_test=lambda path: False, base_tree=NOTHING
    )
    outer = Compared("f", Answer("f(2)", "1", "1"), frozenset(), ())
    found = [outer, Compared(name, Answer("call", before, after), frozenset(), ())]
    assert bool([*_unasked(room, found, [], CODE)]) is is_refused


def test_a_helper_counts_alone_where_nothing_else_is_compared() -> None:
    room: Any = SimpleNamespace(changes=(), is_test=lambda path: False, base_tree=NOTHING)
    inner = Compared("_inner", Answer("_inner('')", "''", "!StopIteration"), frozenset(), ())
    assert [*_unasked(room, [inner], [], CODE)]


@pytest.mark.parametrize(
    ("growth", "is_too_much"),
    [
        ((4.0, 15.0), True),
        ((1.0, 12.0), True),
        ((1.0, 4.0), False),
        ((4.0, 7.0), False),
        ((0.0, 15.0), False),
    ],
)
def test_a_fix_may_look_at_all_of_its_input_and_no_more(
    growth: tuple[float, float], is_too_much: bool
) -> None:
    call = Compared("f", Answer("f('a')", "1", "2", growth=growth), frozenset(), ())
    assert bool(call.slower(BEYOND_LINEAR)) is is_too_much


@pytest.mark.parametrize(("growth", "is_too_much"), [(15.0, True), (4.6, False), (1000.0, False)])
def test_a_new_function_may_look_at_all_of_its_input_too(growth: float, is_too_much: bool) -> None:
    call = Compared("f", Answer("f('a')", NOT_CALLED, "2", growth=(0.0, growth)), frozenset(), ())
    assert bool(call.slower(BEYOND_LINEAR)) is is_too_much


@pytest.mark.parametrize(
    ("sums", "words"), [("sum([one + 0 for one in items])", "times the work"), ("items[at]", "")]
)
def test_the_work_of_a_new_function(shop: House, sums: str, words: str) -> None:
    added = f"\n\ndef running(items):\n    return [{sums} for at in range(len(items))]\n"
    test = "from shop.forms import running\n\n\ndef test_it():\n    assert running([2, 0, 0])[0] == 2\n"
    files = {CODE: BASE + added, "tests/test_running.py": test}
    answer = shop.ask(Extent(), files, shop.task(TaskType.CODE_GENERATION, CODE))
    assert (answer.outcome is GateOutcome.PASS) == (not words), answer.message
    assert words in answer.message


def test_only_promised_errors_of_base_are_taken_away() -> None:
    for words, counts in (("Shows a TypeError of json.", False), ("Raises TypeError for a text.", True)):
        text = f'def f(x):\n    """{words}"""\n    return x\n'
        room: Any = SimpleNamespace(
            changes=(Change(CODE, text, text),), is_test=lambda path: False, base_tree=NOTHING
        )
        found = [Compared("f", Answer("f({})", "!TypeError", "!KeyError"), frozenset(), ())]
        assert bool([*_unasked(room, found, [], CODE)]) is counts


@pytest.mark.parametrize(
    ("call", "is_refused"),
    [("cut('x', 'hoogle')", False), ("cut('y', 'google')", True), ("cut('y', 'hoogle')", True)],
)
def test_a_word_that_names_no_case_may_be_refused(call: str, is_refused: bool) -> None:
    text = "def cut(x, style):\n    return x if style == 'google' else style\n"
    tree = SimpleNamespace(python={CODE: text})
    room: Any = SimpleNamespace(changes=(), is_test=lambda path: False, base_tree=tree)
    made, beside = Answer("cut('x', 'google')", "1", "1"), Answer(call, "1", "!LookupError: 'no such style'")
    assert bool([*_unasked(room, [Compared("cut", made, frozenset(), (beside,))], [], CODE)]) is is_refused
