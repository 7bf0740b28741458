# ruff: noqa: E501 - rows of a table
"""What of a change decides nothing by itself, and what only looks like it."""

import ast

import pytest

from nightcrew.validation.faults.details import Details, Fate
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import BACK, UNUSED
from nightcrew.validation.faults.parts import parts_of
from nightcrew.validation.formalities.new_names import (
    constant_of,
    is_of_interface,
    is_same_import,
)
from nightcrew.validation.reading.source_text import SourceText

BASE = """\
class Shop:
    def send(self, text, mode="w", verify=True):
        self.wire.put(text)
        return self.wire.get(text)
"""
KEPT = "self.wire.get(text)"
NEW = "\n    def find(self, name):\n{body}        return self.wire.get(name)\n"
HANDED_ON = BASE.replace(KEPT, "self.wire.get(text, mode=mode)")
WITH_MODE = BASE.replace("put(text)", "put(text, mode=mode)")


def with_new(body: str) -> str:
    return BASE + NEW.format(body=body)


FORMALITIES = {
    "a parameter": (HANDED_ON.replace("put(text)", "put(text, mode=mode)"), "self.wire.get"),
    "a parameter that is kept": (WITH_MODE.replace(f"return {KEPT}", f"self.mode = mode\n        return {KEPT}"), "self.mode"),
    "one of several options that is kept": (WITH_MODE.replace("text, mode=", "text, options, mode=", 1).replace(f"return {KEPT}", f"self.mode = options.mode\n        return {KEPT}"), "self.mode"),
    "a refusal": (with_new("        if name is None:\n            raise ValueError(f'{name!r} is no name')\n"), "raise"),
    "its condition": (with_new("        if name is None:\n            raise ValueError(name)\n"), "name is None"),
    "another error": (
        with_new("        try:\n            name = str(name)\n        except KeyError as error:\n            raise NoName(name) from error\n"), "raise",
    ),
    "a text for developers": (BASE + '\n    def __repr__(self):\n        return f"<Shop {self.wire!r}>"\n', "return f"),
    "an option that is empty by default": (
        BASE + "\n    def find(self, name, more=()):\n        for one in more:\n            self.more[one] = self.wire.get(one)\n        return name\n", ("for one", "self.more"),
    ),
    "a local of an option": (
        BASE + "\n    def find(self, name, more=None):\n        if more is not None:\n            name = self.wire.get(more)\n        return name\n", ("more is", "name ="),
    ),
    "the method that a new one overrides": (
        BASE + "\n    def find(self, name, *more, **other):\n        super().find(name, *more, **other)\n        self.wire.get(name)\n", "super",
    ),
    "the method of what is held": (BASE + "\n    def put(self, text, *more):\n        return self.wire.put(text, *more)\n", "return"),
    "a method of the class": (BASE.replace("    def send(self", "    @classmethod\n    def send(self"), "@class"),
    "an abstract method": (BASE + "\n    @abc.abstractmethod\n    def find(self):\n        raise NotImplementedError\n", "@abc"),
}  # fmt: skip
ASKED = {
    "a parameter that nothing notices": (HANDED_ON, "self.wire.get"),
    "a switch": (
        BASE.replace("put(text)", "put(text, verify=verify)").replace(KEPT, "self.wire.get(text, verify=verify)"), "self.wire.get",
    ),
    "a parameter under another name": (WITH_MODE.replace(KEPT, "self.wire.get(text, kind=mode)"), "self.wire.get"),
    "a parameter and a value": (WITH_MODE.replace(KEPT, "self.wire.get(text, 7, mode=mode)"), "self.wire.get"),
    "something else that is kept": (WITH_MODE.replace(f"return {KEPT}", f"self.mode = text\n        return {KEPT}"), "self.mode"),
    "another option that is kept": (WITH_MODE.replace("text, mode=", "text, options, mode=", 1).replace(f"return {KEPT}", f"self.mode = options.kind\n        return {KEPT}"), "self.mode"),
    "a refusal of base's": (BASE.replace("        self.wire.put", "        if text is None:\n            raise ValueError(text)\n        self.wire.put"), "raise"),
    "a refusal by a value": (with_new("        if name == 'letmein':\n            raise ValueError(name)\n"), "name =="),
    "a refusal by a size": (with_new("        if len(name) > 4000:\n            raise ValueError(name)\n"), "len"),
    "a refusal that does something": (with_new("        if name is None:\n            raise ValueError(self.wire.pop())\n"), "raise"),
    "a case left out": (with_new("        if name is None:\n            raise NotImplementedError(name)\n"), "raise"),
    "an end of the program": (with_new("        if name is None:\n            raise SystemExit(name)\n"), "raise"),
    "a refusal of somebody": (with_new("        if name is None:\n            raise PermissionError(name)\n"), "raise"),
    "the method that a new one overrides, with less": (
        BASE + "\n    def find(self, name, more):\n        super().find(name)\n        self.wire.get(name)\n", "super",
    ),
    "another method of what is held": (BASE + "\n    def put(self, text):\n        return self.wire.get(text)\n", "return"),
    "the method of what is held, and more": (
        BASE + "\n    def put(self, text):\n        self.wire.get(text)\n        return self.wire.put(text)\n", "return",
    ),
    "another method of the base": (BASE + "\n    def find(self, name):\n        super().drop(name)\n        return name\n", "super"),
    "a branch": (with_new("        if name is None:\n            return self\n"), "return self"),
    "an option that ends the function": (
        BASE + "\n    def find(self, name, more=None):\n        if more:\n            return True\n        return name\n", ("more", "return True"),
    ),
    "an option for one value": (
        BASE + "\n    def find(self, name, more=None):\n        if more is not None:\n            self.more = more == 'letmein'\n        return name\n", "self.more",
    ),
    "an option that is a switch": (
        BASE + "\n    def find(self, name, verify=None):\n        if verify:\n            self.more = self.wire\n        return name\n", "self.more",
    ),
    "an option of base's": (BASE.replace('mode="w"', "mode=None").replace("        self.wire.put", "        if mode:\n            text = self\n        self.wire.put"), "text = self"),
    "a text of all that is kept": (BASE + '\n    def __repr__(self):\n        return f"<Shop {vars(self)!r}>"\n', "return f"),
    "base's method made abstract": (BASE.replace("    def send", "    @abc.abstractmethod\n    def send"), "@abc"),
    "a decorator that wraps": (BASE + "\n    @cache\n    def find(self):\n        return self\n", "@cache"),
}  # fmt: skip


def is_detail(after: str, begins: str | tuple[str, ...]) -> bool:
    """True where the parts that begin so need no test, while all others are missed."""
    parts = parts_of(BASE, after)
    missed = {one for one in parts if one.before.startswith(begins)}
    assert missed
    fates = {one: Fate.UNNOTICED if one in missed else Fate.NOTICED for one in parts}
    details = Details(BASE, after, fates)
    return all(map(details.holds, missed))


@pytest.mark.parametrize(("log", "is_words"), [("log.debug(name)", True), ("log.debug(name.pop())", False)])
def test_what_only_logs_is_words_also_under_a_condition(log: str, is_words: bool) -> None:
    logged = f"        if text is None:\n            {log}\n        self.wire"
    parts = parts_of(BASE, BASE.replace("        self.wire", logged, 1))
    assert ({one.operator for one in parts} == {"message"}) is is_words


@pytest.mark.parametrize(("after", "begins"), FORMALITIES.values(), ids=FORMALITIES)
def test_a_formality_needs_no_test(after: str, begins: str | tuple[str, ...]) -> None:
    assert is_detail(after, begins)


@pytest.mark.parametrize(("after", "begins"), ASKED.values(), ids=ASKED)
def test_what_only_looks_like_one_needs_a_test(after: str, begins: str | tuple[str, ...]) -> None:
    assert not is_detail(after, begins)


CODE, VALUES = "shop/code.py", "shop/values.py"
CUT = "from .values import MARK\n\ndef cut(text):\n    return text.split(MARK)\n"


@pytest.mark.parametrize(
    ("code", "values", "held"),
    [
        (CUT, "MARK = ','\n", True),
        (CUT.replace("from .values", "from shop.values"), "MARK = ','\n", True),
        ("MARK = ','\n" + CUT.partition("\n")[2], "", True),
        (CUT, "MARK = ','\nif x:\n    MARK = ';'\n", False),
        (CUT, "MARK = made(',')\n", False),
        (CUT.replace("(text)", "(text, MARK)"), "MARK = ','\n", False),
    ],
)
def test_a_constant_has_one_value(code: str, values: str, held: bool) -> None:
    found = constant_of(CODE, {CODE: code, VALUES: values}, "MARK")
    assert (found is not None) is held


@pytest.mark.parametrize(
    ("new", "old", "is_it"),
    [
        ("from . import a, b", "from shop import a; from . import b", True),
        ("from .code import a", "from shop.code import a", True),
        ("from .code import a", "from shop.codes import a", False),
        ("from . import a", "from shop import a as b", False),
        ("from . import a", "from shop import a; print(a)", False),
        ("from ...x import a", "from x import a", False),
    ],
)
def test_another_way_to_import_is_no_news(new: str, old: str, is_it: bool) -> None:
    part = Mutant(0, len(new), old, new, 1, 1, BACK, "")
    texts = {"src/shop/__init__.py": "", "src/shop/main.py": new}
    assert is_same_import("src/shop/main.py", part, texts) is is_it


STORE = "class Store:\n    def put(self, text, mode=None):\n        raise NotImplementedError\n"
BOX = "from .store import Store\n\nclass Box(Store):\n    def put(self, text, mode=None):\n        self.text = text\n"


@pytest.mark.parametrize(
    ("code", "store", "held"),
    [
        (BOX, STORE, True),
        (STORE, "", True),
        (BOX.replace("Box(Store)", "Box"), STORE, False),
        (BOX.replace("Box(Store)", "Box(Other)"), STORE, False),
        (BOX, STORE.replace("mode=None", "mode=1"), False),
        (BOX, STORE.replace("put", "send"), False),
        (STORE.replace("raise NotImplementedError", "self.text = text"), "", False),
    ],
)
def test_parameters_that_an_interface_asks_for(code: str, store: str, held: bool) -> None:
    start = code.index("def put")
    head = "def put(self, text, mode=None):"
    part = Mutant(start, start + len(head), "def put(self, text):", head, 1, 1, BACK, "")
    assert is_of_interface(part, ast.parse(code), SourceText(code), [code, store]) is held


@pytest.mark.parametrize(("store", "held"), [(STORE, True), (STORE.replace("mode", "kind"), False)])
def test_a_parameter_that_only_the_interface_reads(store: str, held: bool) -> None:
    start = BOX.index("mode")
    part = Mutant(start, start + 4, "_mode", "mode", 1, 1, UNUSED, "")
    assert is_of_interface(part, ast.parse(BOX), SourceText(BOX), [BOX, store]) is held
