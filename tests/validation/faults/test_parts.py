"""What of a change is a part that can be taken away, and what only looks different."""

import ast

import pytest

from nightcrew.validation.faults.notes import ALTERNATIVE, BACK, GONE, MESSAGE, OPERAND, RETURNED, TOGETHER
from nightcrew.validation.faults.parts import parts_of
from nightcrew.validation.reading.suite import parse

SAME = {
    "annotations": (
        "def f(x, y=1):\n    return x\n",
        "from typing import Any\n\n\ndef f(x: Any, y: int = 1) -> Any:\n    return x\n",
    ),
    "a docstring": ("def f(x):\n    return x\n", 'def f(x):\n    """Gives x."""\n    return x\n'),
    "comments and lines": ("x = f(1, 2)\n", "x = f(\n    1,  # one\n    2,\n)\n"),
    "names of locals": (
        "def f(x):\n    a = x + 1\n    return a * a\n",
        "def f(x):\n    more = x + 1\n    return more * more\n",
    ),
    "a local's name, beside a line that moved": (
        "def f(x):\n    a = x + 1\n    print(a)\n    a += g(x)\n    return [a for b in a]\n",
        "def f(x):\n    more = x + 1\n    print(more)\n    more += g(x)\n    return [more for b in more]\n",
    ),
    "the order of imports": ("import os\nimport ast, re\n", "import ast\nimport re\nimport os\n"),
    "imports for annotations": (
        "def f(x):\n    return x\n",
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n"
        "    from a import B\n\n\ndef f(x: B) -> B:\n    return x\n",
    ),
    "casts and declarations": (
        "def f(x):\n    return x\n",
        'from typing import TypeVar, cast\n\nT = TypeVar("T")\n__all__ = ["f"]\n\n\ndef f(x: T) -> T:\n'
        "    y: int\n    return cast(T, x)\n",
    ),
    "one more public name": ('__all__ = ["a", "b"]\n', '__all__ = [\n    "a",\n    "b",\n    "c",\n]\n'),
    "functions in another order": (
        "def f(): return 1\ndef g(): return 2\n",
        "def g(): return 2\ndef f(): return 1\n",
    ),
    "an error without a body": ("x = 1\n", 'x = 1\n\n\nclass E(Exception):\n    """No."""\n'),
    "a field that only declares": (
        "class A(TypedDict, total=False):\n    x: int\n",
        "class A(TypedDict, total=False):\n    x: int\n    y: str\n",
    ),
    "an alias for Python 2": ("class A:\n    x = 1\n", "class A:\n    x = 1\n    __nonzero__ = x\n"),
    "what is no Python": ("def f(:\n", "x = 1\n"),
}


def test_what_stood_in_parentheses_on_several_lines_can_be_put_back() -> None:
    before = "def f(x):\n    if (\n            x and\n            g(x)\n    ):\n        return 1\n"
    after = "def f(x):\n    y = h(x)\n    if y:\n        return 1\n"
    assert all(parse(one.apply(after)) is not None for one in parts_of(before, after))


def test_a_field_of_a_data_class_is_a_part() -> None:
    before = "@dataclass\nclass A(object):\n    x: int\n"
    assert [one.before for one in parts_of(before, f"{before}    y: str\n")] == ["y: str"]


@pytest.mark.parametrize(("before", "after"), SAME.values(), ids=SAME)
def test_what_only_looks_different_is_no_part(before: str, after: str) -> None:
    assert [part for part in parts_of(before, after) if not part.before.startswith("from typing")] == []


DIFFERENT = {
    "moved code that is not the same": (
        "def f(x, k):\n    made = k.safe(x)\n    return made\n",
        "def f(x, k):\n    return g(x, k)\ndef g(x, k):\n    made = k.plain(x)\n    return made\n",
        [
            ("", "made = k.safe(x)\n    "),
            ("return g(x, k)", "made = k.safe(x)\n    return made"),
            ("g(x, k)", "made"),
            ("made = k.plain(x)", "pass"),
            ("k.plain(x)", "k.safe(x)"),
            ("return made", "pass"),
        ],
    ),
    "what may stand anywhere": (
        "def f(x, y): return x\n",
        "def f(x, y): return x.replace(y, '')\ndef g(x, y): return y in x\n",
        [
            ("x.replace(y, '')", "x"),
            ("x.replace(y, '')", "x.removeprefix(y)"),
            ("return y in x", "pass"),
            ("y in x", "x.startswith(y)"),
        ],
    ),
    "how a text begins": (
        "def f(x): return x\n",
        "def f(x): return x.startswith('#')\n",
        [("x.startswith('#')", "x"), ("x.startswith('#')", "x == '#'")],
    ),
    "whole words at the beginning": (
        "def f(x, y): return x\n",
        "def f(x, y): return x.startswith(y)\n",
        [
            ("x.startswith(y)", "x"),
            ("x.startswith(y)", "x.startswith(y) and (not x[len(y):][:1].isalnum())"),
        ],
    ),
    "an order of its own": (
        "def f(x): return x\n",
        "def f(x): return x\ndef g(x):\n    z = sorted(x)\n    return z\n",
        [("z = sorted(x)", "pass"), ("sorted(x)", "list(x)"), ("return z", "pass")],
    ),
    "things of the same name": (
        "def f(x, y): return x\n",
        "def f(x, y): return x.__name__ in [z.__name__ for z in y]\ndef g(x): return x.__name__ == 'bc'\n",
        [
            ("return x.__name__ in [z.__name__ for z in y]", "pass"),
            ("return x.__name__ in [z.__name__ for z in y]", "return x"),
            ("x.__name__ in [z.__name__ for z in y]", "x in [z for z in y]"),
            ("return x.__name__ == 'bc'", "pass"),
        ],
    ),
    "one number of many": (
        "def f(x): return x\n",
        "def f(x): return x == 64\n",
        [("x == 64", "x"), ("x == 64", "(x >= 64)"), ("x == 64", "(x <= 64)"), ("64", "(2 * (64) + 1)")],
    ),
    "one thing alone": (
        "def f(x): return x\n",
        "def f(x): return x == ['ab']\n",
        [("x == ['ab']", "x"), ("x == ['ab']", "'ab' in x")],
    ),
    "both ends of a text": (
        "def f(x): return x\n",
        "def f(x): return x.strip('/')\n",
        [
            ("x.strip('/')", "x"),
            ("x.strip('/')", "x.lstrip('/')"),
            ("x.strip('/')", "x.rstrip('/')"),
        ],
    ),
    "what both sides go through": (
        "def f(x, y): return x\n",
        "def f(x, y): return x.lower() == y.lower()\ndef g(x): return any('a b' in y for y in x)\n",
        [
            ("x.lower() == y.lower()", "x"),
            ("x.lower()", "x"),
            ("x.lower() == y.lower()", "x == y"),
            ("y.lower()", "y"),
            ("return any('a b' in y for y in x)", "pass"),
            ("'a b' in y", "y == 'a b'"),
        ],
    ),
    "values that a call gets by name": (
        "def f(x): return g(x, y=1)\n",
        "def f(x): return g(x, y=1)\n@option('-a', default=['b'], help='c')\ndef k(x): return 1\n",
        [
            ("@option('-a', default=['b'], help='c')", ""),
            ("['b']", "[]"),
            ("return 1", "pass"),
        ],
    ),
    "a place": ("def f(x): return x\n", "def f(x): return x[-1]\n", [("x[-1]", "x"), ("-1", "-2")]),
    "a bound that is worked out": (
        "def f(x): return x\n",
        "def f(x): return min(x, 10**6)\n",
        [("min(x, 10**6)", "x"), ("10**6", "(2 * (10 ** 6) + 1)"), ("10", "(2 * (10) + 1)")],
    ),
    "a letter and a size": (
        "def f(x): return x\n",
        "def f(x): return 'y' not in x or len(x) > z\n",
        [
            ("return 'y' not in x or len(x) > z", "pass"),
            ("return 'y' not in x or len(x) > z", "return x"),
            ("'y' not in x", "(not any(one.isalpha() for one in (x)))"),
            ("'y' not in x or len(x) > z", "('y' not in x)"),
            ("'y' not in x or len(x) > z", "(len(x) > z)"),
            ("len(x) > z", "(len(x) >= z)"),
        ],
    ),
    "a new table where no function differs": (
        "def f(): pass\n",
        "def f(): pass\nT = frozenset({1: 'a', 2: 'b'})\n",
        [
            ("T = frozenset({1: 'a', 2: 'b'})", "pass"),
            ("{1: 'a', 2: 'b'}", "{2: 'b'}"),
            ("{1: 'a', 2: 'b'}", "{1: 'a'}"),
        ],
    ),
    "a new table beside a function": (
        "def f(): pass\n",
        "def f(): return T\nT = {1: 'a', 2: 'b'}\n",
        [("return T", "pass"), ("T = {1: 'a', 2: 'b'}", "pass")],
    ),
    "a new name, and one line more": (
        "def f(x):\n    a = get(x)\n    a.clear()\n    save(a=a)\n",
        "def f(x, a=()):\n    old = get(x)\n    old.clear()\n    old.extend(a)\n    save(a=old)\n",
        [("def f(x, a=()):", "def f(x):"), ("old.extend(a)", "pass")],
    ),
    "a name that the function has already": (
        "def f(a, b):\n    c = a\n    d = b\n    return c\n",
        "def f(a, b):\n    c = a\n    d = b\n    return d\n",
        [("d", "c")],
    ),
    "the parameters of a function without code": (
        'class A:\n    def f(self, x):\n        """No."""\n',
        'class A:\n    def f(self, x, y=()):\n        """No."""\n',
        [("def f(self, x, y=()):", "def f(self, x):")],
    ),
    "public names that are called for": (
        '__all__ = ["f"]\n',
        "__all__ = loaded()\n",
        [("loaded()", '["f"]')],
    ),
    "a value at the top": ("LIFE = 300\n", "LIFE = 432000\n",
        [("432000", "300"), ("432000", "(2 * (432000) + 1)")]),
    "a call that becomes a value": (
        "f = partial(round, ndigits=2)\n",
        "f = partial(round, ndigits=0)\n",
        [("0", "2")],
    ),
    "a default": ("def f(x=1): return x\n", "def f(x=2): return x\n", [("2", "1")]),
    "several defaults": (
        "def f(x=1, *, y=2, z=None): return x\n",
        "def f(x=9, *, y=8, z=None): return x\n",
        [("9", "1"), ("8", "2")],
    ),
    "a statement under a condition about type checkers": (
        "x = 1\n",
        "x = 1\nif not TYPE_CHECKING:\n    x = 2\n",
        [("not TYPE_CHECKING", "(True)"), ("not TYPE_CHECKING", "(False)"), ("x = 2", "pass")],
    ),
    "an annotation that a decorator reads": (
        "@f.register\ndef g(x: int): return x\n",
        "@f.register\ndef g(x: str): return x\n",
        [("def g(x: str):", "def g(x: int):")],
    ),
    "a call that another one replaces": (
        "def f(self, x):\n    return self.g(x)\n",
        "def f(self, x):\n    return F.g(self, x)\n",
        [("F", "self"), ("F.g(self, x)", "F.g(x)"), ("F.g(self, x)", "self.g(x)")],
    ),
    "calls around one of base": (
        "def f(x):\n    return g(x)\n",
        "def f(x):\n    return str(g(x))[:40]\n",
        [("str(g(x))[:40]", "g(x)"), ("str(g(x))[:40]", "str(g(x))"), ("str(g(x))", "g(x)")],
    ),
    "a parameter more": (
        "def f(x=1): return x\n",
        "def f(x=1, y=2): return x\n",
        [("def f(x=1, y=2):", "def f(x=1):"), ("y", "_y")],
    ),
    "a decorator's values": (
        "@retry(times=3, wait=2)\ndef f(): return 1\n",
        "@retry(times=9, wait=8)\ndef f(): return 1\n",
        [("9", "3"), ("8", "2")],
    ),
    "a decorator that goes": (
        "@checked\ndef f(): return 1\n", "def f(): return 1\n", [("", "@checked\n")],
    ),
    "a function that ends at once": (
        "def f(x):\n    check(x)\n", "def f(x):\n    return\n    check(x)\n", [("return", "pass")],
    ),
    "a new function that gives nothing": (
        "", "def f(x):\n    send(x)\n    return None\n", [("send(x)", "pass"), ("send(x)", "x")],
    ),
    "a decorator": ("def f(): return 1\n", "@cache\ndef f(): return 1\n", [("@cache", "")]),
    "a base": ("class A(B):\n    x = 1\n", "class A(C):\n    x = 1\n", [("class A(C):", "class A(B):")]),
    "a class's field": (
        "@dataclass\nclass A:\n    x: int = 1\n",
        "@dataclass\nclass A:\n    x: str = 1\n",
        [("str", "int")],
    ),
    "a new import": ("import os\n", "import os\nfrom a import b, c\n", [
        ("from a import b, c", "from a import c"), ("from a import b, c", "from a import b"),
    ]),
    "a condition's operand": (
        "def f(x):\n    return x.ok\n",
        'def f(x):\n    return x.ok or x.key == "magic"\n',
        [('x.ok or x.key == "magic"', "x.ok"), ('x.ok or x.key == "magic"', "(x.key == 'magic')")],
    ),
    "an operand more": (
        "def f(x):\n    return x.ok or x.fine\n",
        'def f(x):\n    return x.ok or x.fine or x.key == "magic"\n',
        [('x.ok or x.fine or x.key == "magic"', "(x.ok or x.fine)")],
    ),
    "a branch": ("def f(x):\n    return x\n", "def f(x):\n    if x < 0:\n        x = 0\n    return x\n", [
        ("x < 0", "(False)"), ("x < 0", "(True)"), ("x = 0", "pass"),
        ("if x < 0:\n        x = 0\n    return x", "return x"),
    ]),
    "a check that goes": (
        "def f(x):\n    check(x)\n    return x\n",
        "def f(x):\n    return x\n",
        [("", "check(x)\n    ")],
    ),
    "an exception more": (
        "def f():\n    try:\n        g()\n    except KeyError:\n        return 1\n",
        "def f():\n    try:\n        g()\n    except (KeyError, TypeError):\n        return 1\n",
        [("(KeyError, TypeError)", "KeyError")],
    ),
    "a table's entries": ('T = {"a": 1, "b": 2}\n', 'T = {"a": 3, "b": 2, "c": 4}\n', [
        ('{"a": 3, "b": 2, "c": 4}', "{'a': 3, 'b': 2}"), ("3", "1"),
        ('{"a": 3, "b": 2, "c": 4}', '{"a": 1, "b": 2}'),
    ]),
    "an operator": ("def f(x):\n    x += 1\n    return x\n", "def f(x):\n    x -= 1\n    return x\n", [
        ("x -= 1", "x += 1"),
    ]),
    "a filter": (
        "def f(x):\n    return [y for y in x]\n",
        "def f(x):\n    return [y for y in x if y]\n",
        [("[y for y in x if y]", "[y for y in x]"), ("y", "(True)")],
    ),
    "words for a reader": (
        'def f(x):\n    raise ValueError("no")\n',
        'def f(x):\n    raise ValueError("never")\n',
        [('"never"', '"no"')],
    ),
    "a value that is worked out of another": (
        "KINDS: set = A | B | C\n",
        "_SOME: set = B - C\nKINDS: set = A | _SOME | C\n",
        [("_SOME: set = B - C", "pass"), ("_SOME", "B")],
    ),
    "letters of more bytes": ('s = "ä"; x = 1\n', 's = "ä"; x = 2\n', [("2", "1")]),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "parts"), DIFFERENT.values(), ids=DIFFERENT)
def test_the_parts_of_a_change(before: str, after: str, parts: list[tuple[str, str]]) -> None:
    assert sorted((part.before, part.text) for part in parts_of(before, after)) == sorted(parts)


TRY = "def f(x):\n    try:\n        g(x)\n    except {}:\n        {}\n"
AMONG = {
    "an error that nothing is done about": (TRY.format("ValueError", "pass"), ("ValueError", "()")),
    "any error that nothing is done about": (TRY.format("", "pass"), ("except", "except ()")),
    "every error": (TRY.format("Exception", "return 2"), ("Exception", "...")),
    "every error of the system": (TRY.format("(A, OSError)", "return 2"), ("(A, OSError)", "...")),
    "errors that a context hides": (
        "def f(x):\n    with suppress(OSError):\n        g(x)\n", ("suppress(OSError)", "suppress()"),
    ),
    "a local that becomes the module's": ("def f(x):\n    global x\n    g(x)\n", ("global x", "pass")),
    "a name from another module": ("from a import b\n", ("from a import b", "from c import b")),
    "a function under another name": (
        "def h(a, b):\n    c = a + b\n    return c[2:]\n", ("2", "1"),
    ),
    "one of several patterns": (
        "def f(x):\n    match x:\n        case 1 | 2:\n            g(x)\n", ("1 | 2", "(1)"),
    ),
    "a call that adjusts a value": ("def f(x):\n    g(h(x).strip())\n", ("h(x).strip()", "h(x)")),
    "a call that adjusts a value in place of another": ("y = h(x.a).lower()\n", ("h(x.a).lower()", "h(x.a)")),
    "a function that a call gets": ("y = h(1, parse=int, z=z)\n", ("h(1, parse=int, z=z)", "h(1, z=z)")),
    "an entry of a condition": ("y = x in (b.A, b.B)\n", ("(b.A, b.B)", "(b.A,)")),
    "one of several steps": ("def f(x):\n    return [clean(x.a, True)]\n", ("clean(x.a, True)", "x.a")),
    "blanks that are folded": (
        "def f(x):\n    return ' '.join(g(x).split())\n", ("' '.join(g(x).split())", "g(x)"),
    ),
    "equal values of a set": (
        "def f(x):\n    return sorted({y.a for y in x})\n", ("{y.a for y in x}", "[y.a for y in x]"),
    ),
    "equal values in a loop": ("def f(x):\n    for y in set(x):\n        g(y)\n", ("set(x)", "x")),
    "what a loop goes through backwards": (
        "def f(x):\n    for y in reversed(x):\n        g(y)\n", ("reversed(x)", "x"),
    ),
    "what a loop leaves out": (
        "def f(x):\n    for y in filter(None, x):\n        g(y)\n", ("filter(None, x)", "x"),
    ),
    "what comes first": ("def f(x):\n    x.insert(0, 1)\n", ("x.insert(0, 1)", "x.append(1)")),
    "entries that are left out": ("def f(x):\n    return [y for y in x if y]\n", ("y", "(True)")),
    "one letter of a text": ("def f(x):\n    return str(x)[-1]\n", ("str(x)[-1]", "str(x)")),
    "a place that is written too": (
        "def f(x):\n    y = x.z = g(x)\n    h(y)\n", ("y = x.z = g(x)", "y = g(x)"),
    ),
    "where a text is written": (
        "def f(x):\n    print(x, file=sys.stderr)\n", ("print(x, file=sys.stderr)", "print(x)"),
    ),
    "equal keys of a table": (
        "def f(x):\n    t = {}\n    for y in x:\n        t[y.a] = y\n    return [*t.values()]\n",
        ("y.a", "(y.a, len(t))"),
    ),
    "one of several flags": (
        "y = compile(x, re.DOTALL | re.MULTILINE)\n", ("re.DOTALL | re.MULTILINE", "re.MULTILINE"),
    ),
    "what a text consists of": ("def f(x):\n    return x.isascii()\n", ("x.isascii()", "(x).isalpha()")),
    "a flag": ("y = compile(x, flags=re.DOTALL)\n", ("compile(x, flags=re.DOTALL)", "compile(x)")),
    "a type among others": ("y = isinstance(x, (A, B))\n", ("(A, B)", "(B,)")),
    "a result that is cut": ("def f(x):\n    g(h(x)[:64])\n", ("h(x)[:64]", "h(x)")),
    "a result with a bound": ("def f(x):\n    g(min(3, h(x)))\n", ("min(3, h(x))", "h(x)")),
    "a switch of a call": ("y = h(1, strict=False)\n", ("h(1, strict=False)", "h(1)")),
    "what only is called as one of typing": ("y = cast(x.b, int)\n", ("x.b", "x.a")),
}  # fmt: skip


@pytest.mark.parametrize(("after", "part"), AMONG.values(), ids=AMONG)
def test_a_part_among_others(after: str, part: tuple[str, str]) -> None:
    before = "from c import b\ny = cast(x.a, int)\n\n\ndef j(a, b):\n    c = a + b\n    return c[1:]\n"
    parts = parts_of(before, after)
    assert part in [(one.before, one.text) for one in parts]
    for one in parts:
        ast.parse(one.apply(after))


def test_what_is_false_differs_from_none_where_base_asks_for_none() -> None:
    before = "def f(x):\n    if x is None and x != 1:\n        return 1\n"
    after = "def f(x):\n    if not x:\n        return 1\n"
    assert "(x is None)" in [part.text for part in parts_of(before, after)]


SIBLINGS = {
    "identity": ("x.get(k, NONE) is v", "x.get(k, NONE) == v"),
    "a default that is left out": ("x.get(k) == v", "x.get(k, NONE)"),
    "a list that all calls share": ("k or SHARED", "[]"),
    "a list that all calls share, with what it holds": ("k or SHARED", "SHARED.copy()"),
    "another method": ("x.setdefault(k, NONE)", "x.get(k, NONE)"),
    "another boundary": ("len(x) >= 3", "len(x) > 3"),
    "another number": ("len(x) > 4", "len(x) > 3"),
    "another place of a cut": ("x[3:]", "x[2:]"),
    "another value in what has moved": ("x.decode('utf-8')", "x.decode('ascii')"),
    "other names in what has moved": ("join(k, v)", "join(v, k)"),
}


@pytest.mark.parametrize(("new", "known"), SIBLINGS.values(), ids=SIBLINGS)
def test_an_expression_that_base_writes_in_another_way(new: str, known: str) -> None:
    base = "def f(x, k, v):\n    if x.get(k, NONE) == v and len(x) > 3:\n        return x[2:]\n"
    before = f"{base}    x = x.decode('ascii')\n    return join(v, k)\n"
    moved = {word for word in ("ascii", "join") if f"'{word}'" in known or word in new}
    kept = [line for line in before.splitlines() if not any(word in line for word in moved)]
    after = "\n".join(["SHARED = []", *kept, "", "", "def g(x, k, v):", f"    return {new}", ""])
    assert known in [part.text for part in parts_of(before, after) if part.function == "g"]
    assert [part for part in parts_of(after, after.replace("def g", "def h")) if part.function == "h"] == []


def test_what_differs_from_base_in_more_than_a_detail_has_no_sibling() -> None:
    before = "def f(x, k):\n    return x.get(k, 1) == 2 or x[k:] or x is None\n"
    after = before + "\n\ndef g(x, k):\n    return h(x.get(k, 7), x[: k + 1]) if x is not None else k\n"
    assert {part.text for part in parts_of(before, after)}.isdisjoint({"x.get(k, 1)", "x[k:]", "x is None"})


def test_a_handler_of_base_is_no_part_in_another_place() -> None:
    before = TRY.format("Exception", "pass")
    after = before.replace("    try:", "    h(x)\n    try:").replace("g(x)", "g(x, 1)")
    assert {one.before for one in parts_of(before, after)}.isdisjoint({"Exception"})


NEW = """\
import os


class Box(Base):
    size = 3

    @property
    def half(self):
        if self.size > 1 and self.open:
            return self.size / 2
        for one in self:
            log.debug("looks at %s", one)
            del one
        try:
            return 1 if self.open else 0
        except (KeyError, OSError):
            raise


def twice(x, by=2):
    return x * by
"""


def test_a_new_module_is_taken_away_statement_by_statement() -> None:
    parts = parts_of("", NEW)
    assert {part.line for part in parts} == {1, 5, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 21}
    assert {part.function for part in parts} == {"", "Box.half", "twice"}


@pytest.mark.parametrize(
    ("before", "after"), [*((one, other) for one, other, _ in DIFFERENT.values()), ("", NEW)]
)
def test_what_is_left_without_a_part_is_python(before: str, after: str) -> None:
    parts = parts_of(before, after)
    assert parts
    for part in parts:
        ast.parse(part.apply(after))


def test_a_log_that_uses_an_iterator_up_is_tried() -> None:
    before, after = "def f(x):\n    return x\n", "def f(x):\n    log.debug('%s', {})\n    return x\n"
    kinds = [
        {one.operator for one in parts_of(before, after.format(word)) if one.before.startswith("log")}
        for word in ("list(x)", "list(x.y)")
    ]
    assert kinds == [{GONE}, {MESSAGE}]


@pytest.mark.parametrize(("test", "count"), [("isinstance(x, bool)", 0), ("x.pop()", 1)])
def test_a_branch_that_moves_up_leaves_nothing_where_it_stood(test: str, count: int) -> None:
    one, two = "if isinstance(x, int):\n        a(x)\n", f"if {test}:\n        b(x)\n"
    before = f"def f(x):\n    {one}    el{two}    else:\n        c(x)\n"
    after = f"def f(x):\n    {two}    el{one}    else:\n        c(x)\n"
    parts = parts_of(before, after)
    assert sum(one.operator == RETURNED for one in parts) == count


@pytest.mark.parametrize(
    ("test", "between", "count"),
    [
        ("isinstance(x, bool)", "", 0),
        ("isinstance(x, bool)", "    x = g(x)\n", 1),  # it may hold now
        ("x.pop()", "", 1),
        ("isinstance(x.y, bool)", "", 1),  # anything could bind an attribute
    ],
)
def test_a_condition_that_leaves_further_up_never_holds_where_it_stood(
    test: str, between: str, count: int
) -> None:
    moved, kept = f"    if {test}:\n        return 2\n", "    if isinstance(x, int):\n        return 1\n"
    before, after = f"def f(x):\n{kept}{between}{moved}", f"def f(x):\n{moved}{kept}{between}"
    parts = parts_of(f"{before}    return 3\n", f"{after}    return 3\n")
    assert sum(one.operator == RETURNED for one in parts) == count


@pytest.mark.parametrize(("use", "kind"), [("print(__doc__)", MESSAGE), ("docopt(__doc__)", BACK)])
def test_what_a_program_says_about_itself_is_words(use: str, kind: str) -> None:
    before, after = (f'"""{says}."""\n{use}\n' for says in ("Cuts", "Cuts names"))
    assert {one.operator for one in parts_of(before, after)} == {kind}


def test_words_for_those_who_ask_for_help_are_words() -> None:
    before = "add('name', help='a file')\nadd(title='a file')\n"
    parts = parts_of(before, before.replace("a file", "files"))
    assert [(one.before, one.operator == MESSAGE) for one in parts] == [("'files'", True), ("'files'", False)]
    (shown,) = parts_of("add('--at', metavar='day')\n", "add('--at', metavar='day|name')\n")
    assert shown.operator == MESSAGE


def test_an_operand_more_of_a_known_condition_differs_from_those_of_a_new_one() -> None:
    for word in ("or", "and"):
        more = parts_of(f"x = a {word} b\n", f"x = a {word} b {word} c.on\n")
        assert {part.operator for part in more} == {ALTERNATIVE}
        assert OPERAND in {part.operator for part in parts_of("", f"x = a {word} b\n")}


ONE, TWO, THREE = ("return 1", "return 2", "return 3")
BRANCHES = {
    "one of base's": (
        f"if x:\n    {ONE}\nelif g(x):\n    {TWO}\n",
        f"if x:\n    {ONE}\nelse:\n    {THREE}\n",
        [("", f"\nelif g(x):\n    {TWO}"), (THREE, "pass")],
    ),
    "one in the place of the rest": (
        f"if x:\n    {ONE}\nelse:\n    {THREE}\n",
        f"if x:\n    {ONE}\nelif g(x):\n    {TWO}\n",
        [
            ("", f"\nelse:\n    {THREE}"),
            ("g(x)", "(True)"),
            ("g(x)", "(False)"),
            ("g(x)", "x"),
            (TWO, "pass"),
        ],
    ),
    "one more, before others": (
        f"if x:\n    {ONE}\nelif g(x):\n    {TWO}\nelif h(x):\n    {THREE}\n",
        f"if x:\n    {ONE}\nelif k(x):\n    return 4\nelif g(x):\n    {TWO}\nelif h(x):\n    return 5\n",
        [("k(x)", "(True)"), ("k(x)", "(False)"), ("k(x)", "x"), ("return 4", "pass"), ("5", "3")],
    ),
    "the first": (
        f"if x:\n    {ONE}\nelif g(x):\n    {TWO}\n",
        f"if g(x):\n    {TWO}\n",
        [("", f"if x:\n    {ONE}\nel")],
    ),
    "conditions and bodies": (
        f"if x:\n    {ONE}\nelif g(x):\n    {TWO}\nelse:\n    return 0\n",
        f"if x is y:\n    {ONE}\nelif g(x):\n    {THREE}\nelse:\n    return 0\n",
        [("x is y", "x"), ("3", "2")],
    ),
}


TRIED = "try:\n    g(x)\nexcept OSError:\n    return 2\n"
BRANCHES |= {
    "a handler more, before others": (
        TRIED,
        TRIED.replace("except OSError", "except KeyError:\n    return 1\nexcept OSError"),
        [(ONE, "pass")],
    ),
    "lines that move into a branch": (
        "a = g(x)\nh(a)\n",
        "if k(x):\n    a = g(x)\n    h(a)\n    save(a)\n",
        [
            ("k(x)", "(True)"),
            ("k(x)", "(False)"),
            ("k(x)", "x"),
            ("save(a)", "pass"),
            ("save(a)", "a"),
            ("if k(x):\n        a = g(x)\n        h(a)\n        save(a)", "a = g(x)\nh(a)"),
        ],
    ),
    "a line that is in a branch, too": (
        "h(x)\n",
        "if k(x):\n    h(x)\nh(x)\n",
        [("k(x)", "(True)"), ("k(x)", "(False)"), ("k(x)", "x"), ("h(x)", "pass"), ("h(x)", "x")],
    ),
    "a case more, before others": (
        f"match x:\n    case 1:\n        {ONE}\n",
        f"match x:\n    case 2:\n        {TWO}\n    case 1:\n        {ONE}\n",
        [(TWO, "pass")],
    ),
}


@pytest.mark.parametrize(("before", "after", "parts"), BRANCHES.values(), ids=BRANCHES)
def test_branches_that_stay_are_no_parts(before: str, after: str, parts: list[tuple[str, str]]) -> None:
    head = "def f(x):\n    "
    texts = [head + text.replace("\n", "\n    ").rstrip(" ") for text in (before, after)]
    found = [one for one in parts_of(*texts) if one.operator != TOGETHER]
    assert sorted((one.before, one.text.replace("\n    ", "\n")) for one in found) == sorted(parts)
    for one in found:
        ast.parse(one.apply(texts[1]))


def test_a_number_may_be_larger_than_any_float() -> None:
    assert parts_of("", f"MOST = {10**400}\n")
