"""Another version of a file's code in live functions: only the statement that differs is compiled."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nightcrew.validation.rig import swap
from nightcrew.validation.rig.protocol import Variant

TEXT = '''\
from __future__ import annotations

import os

LIMIT = 3


def first(a):
    def inner():
        return a + 1
    return inner()


class Second:
    """Holds."""

    size = 2

    def method(self):
        return self.size * LIMIT

    def other(self):
        return os.sep
'''


@pytest.fixture
def product(tmp_path: Path) -> dict[str, Any]:
    path = str(tmp_path / "product.py")
    Path(path).write_text(TEXT)
    space: dict[str, Any] = {"__name__": "product", "path": path}
    exec(compile(TEXT, path, "exec", dont_inherit=True), space)
    swap.remember(path)
    return space


def edit(old: str, new: str) -> Variant:
    start = TEXT.index(old)
    return Variant([(start, start + len(old), new)])


@pytest.mark.parametrize(
    ("old", "new", "call", "was", "now"),
    [
        ("a + 1", "a - 1", lambda space: space["first"](5), 6, 4),
        ("self.size * LIMIT", "None", lambda space: space["Second"]().method(), 6, None),
        ("os.sep", "'x'", lambda space: space["Second"]().other(), "/", "x"),
    ],
)
def test_an_edit_is_put_in_place_and_taken_back(
    product: dict[str, Any], old: str, new: str, call: Any, was: object, now: object
) -> None:
    swaps = swap.prepare(product["path"], edit(old, new))
    original = [(function, function.__code__) for function, _ in swaps]
    assert call(product) == was
    assert swap.apply(swaps) == 1
    assert call(product) == now
    swap.apply(original)
    assert call(product) == was


def test_a_whole_text_takes_the_place_of_another(product: dict[str, Any]) -> None:
    text = TEXT.replace("a + 1", "a * 10").replace("self.size * LIMIT", "0")
    swaps = swap.prepare(product["path"], Variant(source=text))
    assert swap.apply(swaps) == 2
    assert (product["first"](2), product["Second"]().method()) == (20, 0)


def test_what_is_not_python_or_binds_other_variables_cannot_be_put_in_place(product: dict[str, Any]) -> None:
    assert swap.try_to_prepare(product["path"], edit("a + 1", "a +")) == []
    assert swap.try_to_prepare(product["path"], edit("LIMIT = 3", "LIMIT = 4")) == []


def test_edits_are_applied_from_the_end() -> None:
    assert swap.edited("abcdef", [(0, 1, "XX"), (4, 6, "")]) == "XXbcd"


SOURCE = '''"""Doc."""
from __future__ import annotations

import functools


class Base:
    def __init__(self, start: int = 1) -> None:
        self.__start = start

    def next(self) -> int:
        return self.__start + 1


@functools.total_ordering
class Child(
    Base,
):
    """Doc."""

    kind = "child"

    @property
    def two(self) -> int:
        return 2

    def next(self) -> int:
        return super().next() + (
            10
        )

    def __lt__(self, other: object) -> bool:
        return False


def outer():
    def inner():
        return 3
    return inner
'''


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("self.__start + 1", "self.__start - 1", "Base.next"),
        ("return 2", "return 5", "Child.two"),
        ("super().next() + (", "super().next() - (", "Child.next"),
        ("return False", "return True", "Child.__lt__"),
        ("return 3", "return 4", "outer.<locals>.inner"),
    ],
)
def test_one_changed_method_is_what_the_whole_file_gives(
    tmp_path: Path, old: str, new: str, name: str
) -> None:
    path = tmp_path / "counting.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("counting", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = module.outer()  # alive, as functions inside functions are while they are used
    swap.remember(str(path))
    source = swap.Source(str(path))
    start = SOURCE.index(old)
    edits = Variant([(start, start + len(old), new)])
    near = source.near_versions(edits)
    assert near is not None
    found, whole = (swap._changed(*versions) for versions in (near, source.whole_versions(edits)))
    assert {(one.__qualname__, code) for one, code in found} == {
        (one.__qualname__, code) for one, code in whole
    }
    assert name in {one.__qualname__ for one, _ in found}
    assert kept() == 3


def test_a_file_that_is_imported_late_has_live_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, ending = tmp_path / "late_shop" / "plugins" / "gifts.py", tmp_path / "late_shop" / "ending.py"
    late.parent.mkdir(parents=True)
    late.write_text("def wrap(x):\n    return x + 1\n")
    ending.write_text("raise SystemExit\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for path in (late, ending):
        swap.import_file(str(path), [str(tmp_path.parent), str(tmp_path)])
    swap.remember(str(late))
    assert swap.prepare(str(late), Variant(source=late.read_text().replace("+ 1", "- 1")))
    assert "late_shop.ending" not in sys.modules


def test_a_file_that_pytest_imports_for_its_doctests_is_replaced_too(tmp_path: Path) -> None:
    (tmp_path / "price.py").write_text('"""\n>>> VALUE\n1\n"""\nVALUE = 1\n')
    program = (
        "import pytest, sys\n"
        "from nightcrew.validation.rig import swap\n"
        "class Early:\n"
        "    @pytest.hookimpl(tryfirst=True)\n"
        "    def pytest_collection(self):\n"
        "        swap.replace_on_import({sys.argv[1]: open(sys.argv[1]).read().replace('= 1', '= 2')})\n"
        "sys.exit(pytest.main(['-q', '--doctest-modules', '-p', 'no:cacheprovider', 'price.py'],\n"
        "                     plugins=[Early()]))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "price.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1, done.stdout
