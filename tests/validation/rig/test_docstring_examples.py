"""Examples of docstrings: which names they use, and when an output counts as the one shown."""

import doctest
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nightcrew.validation.rig.examples import Checker, _cannot_run, names_of, provide

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize(
    ("source", "loads", "binds", "calls"),
    [
        ("parse(text)", {"parse", "text"}, set(), {"parse"}),
        ("x = parse(y)", {"parse", "y"}, {"x"}, {"parse"}),
        ("from shop import parse\nparse(1)", set(), {"parse"}, set()),
        ("sum(f(one) for one in items)", {"sum", "f", "items"}, set(), {"sum", "f"}),
        ("def g():\n    return outer(1)\n", {"outer"}, {"g"}, {"outer"}),
        ("isinstance(x, Basket)", {"isinstance", "x", "Basket"}, set(), {"isinstance", "Basket"}),
        ("not python (", set(), set(), set()),
    ],
)
def test_names_of_an_example(source: str, loads: set[str], binds: set[str], calls: set[str]) -> None:
    assert names_of(source) == (loads, binds, calls)


@pytest.mark.parametrize(
    ("want", "got", "equal"),
    [
        ("1\n", "1\n", True),
        ("{'a': 1, 'b': 2}\n", "{'b': 2, 'a': 1}\n", True),  # another order
        ("[1,\n 2]\n", "[1, 2]\n", True),
        ("1\n", "1.0\n", False),
        ("[1, 2]\n", "[2, 1]\n", False),
        ("<A object at 0x7f12>\n", "<A object at 0x9abc>\n", True),
        ("<Money 3>\n", "<Money '3'>\n", True),  # with quotes or without
        ("hello\n", "'hello'\n", False),
        ("...\n", "anything\n", True),
    ],
)
def test_outputs_that_count_as_the_one_shown(want: str, got: str, equal: bool) -> None:
    assert Checker(doctest.OutputChecker()).check_output(want, got, FLAGS) is equal


def chained(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ImportError("no", name="numpy.linalg"), "numpy.linalg is not installed"),
        (ImportError("no", name="shop.parts"), ""),  # the package's own module
        (FileNotFoundError("data.txt"), "FileNotFoundError: data.txt"),
        (ValueError("wrong"), ""),
        (chained(ValueError("wrong"), ConnectionError("refused")), "ConnectionError: refused"),
        (SyntaxError("'await' outside function"), "it waits outside of a function"),
        (None, ""),
    ],
)
def test_errors_that_show_no_wrong_example(error: BaseException | None, reason: str) -> None:
    assert _cannot_run(error, "shop.prices") == reason


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    package = tmp_path / "shop_of_examples"
    package.mkdir()
    (package / "__init__.py").write_text("LIMIT = 3\n")
    (package / "prices.py").write_text("def parse(text):\n    return int(text)\n")
    (package / "names.py").write_text("def initials(name):\n    return name[0]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [one for one in sys.modules if one.startswith(package.name)]:
        monkeypatch.delitem(sys.modules, name)
    return package.name


def test_a_reader_has_imported_the_package(shop: str) -> None:
    __import__(f"{shop}.names")
    source = f"parse(LIMIT, initials, names, {shop}, json, nowhere, len)"
    test = doctest.DocTest([doctest.Example(source, "")], {"parse": 1}, "x", None, None, None)
    provide(test, f"{shop}.prices")
    assert test.globs["parse"] == 1  # what the docstring itself defines comes first
    assert test.globs["LIMIT"] == 3
    assert test.globs["initials"]("ada") == "a"  # from a module that is loaded
    assert all(isinstance(test.globs[name], ModuleType) for name in ("names", shop, "json"))
    assert not {"nowhere", "len"} & test.globs.keys()
