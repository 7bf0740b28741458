"""The interpreter's own reports of lines are the same as coverage's, by test, and also after a pause."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nightcrew.validation.rig.lines import Monitored, Traced

SOURCE = """\
def signs(count):
    total = 0
    for one in range(count):
        if one % 2:
            total += 1
        else:
            total -= 1
    return total

def growing(first):
    yield first
    if first > 3:
        yield (first +
               signs(first))

class Held:
    size = 3

    def even(self, most):
        return [one for one in range(most) if one > self.size]
"""
ARGUMENTS = {"none": 0, "one": 1, "few": 5, "again": 1}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A small module of a name of its own."""
    (tmp_path / "watched_lines.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "watched_lines", raising=False)
    return importlib.import_module("watched_lines")


def _run(watch: Monitored | Traced, module: ModuleType) -> dict[str, set[int]]:
    module.signs(3)  # counts for no test
    for name, argument in ARGUMENTS.items():
        watch.start(name)
        list(module.growing(argument))
        module.Held().even(argument)
        watch.start("")
    watch.stop()
    module.signs(3)
    return {name: lines for name, lines in watch.lines(str(module.__file__)).items() if name}


def test_lines_by_test_are_those_that_coverage_finds(module: ModuleType) -> None:
    path = str(module.__file__)
    found = _run(Monitored([path]), module)
    assert found == _run(Traced([path]), module)
    assert found["none"] == found["one"] == found["again"] == {11, 12, 20}
    assert found["few"] == {2, 3, 4, 5, 7, 8, 11, 12, 13, 14, 20}


def test_both_directions_of_a_branch_are_found(module: ModuleType) -> None:
    path = str(module.__file__)
    watch = Monitored([path])
    _run(watch, module)
    assert {(4, 5), (4, 7)} <= set(watch.arcs(path))
    known = set(watch.arcs(path))
    again = Monitored([path])
    module.signs(1)
    again.stop()
    assert (4, 7) in again.arcs(path)
    assert (4, 5) not in again.arcs(path)
    assert set(again.arcs(path)) <= known


def test_lines_of_an_import_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "imported_lines.py"
    path.write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    watch = Monitored([str(path)])
    importlib.import_module("imported_lines")
    watch.stop()
    assert watch.lines(str(path)) == {"": {1, 10, 16, 17, 19}}
