"""The interpreter's own reports of lines are the same as coverage's, by test, and also after a pause.

Each watch runs in a fresh process, as in the rig: a process of tests has threads and tracers of its own, and
if the interpreter crashes over them, all its tests are lost.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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
START = """\
import importlib, json, sys
from nightcrew.validation.rig.lines import Monitored, Traced

folder = sys.argv[1]
sys.path.insert(0, folder)
path = f"{folder}/watched_lines.py"

def run(watch, module):
    module.signs(3)  # counts for no test
    for name, argument in {"none": 0, "one": 1, "few": 5, "again": 1}.items():
        watch.start(name)
        list(module.growing(argument))
        module.Held().even(argument)
        watch.start("")
    watch.stop()
    module.signs(3)
    return {name: sorted(lines) for name, lines in watch.lines(path).items() if name}
"""


def _lines_of(tmp_path: Path, body: str) -> Any:
    """What a fresh process prints as JSON, with the small module in a folder of its path."""
    (tmp_path / "watched_lines.py").write_text(SOURCE)
    words = [sys.executable, "-c", START + body, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_lines_by_test_are_those_that_coverage_finds(tmp_path: Path) -> None:
    body = """
module = importlib.import_module("watched_lines")
print(json.dumps([run(kind([path]), module) for kind in (Monitored, Traced)]))
"""
    found, by_coverage = _lines_of(tmp_path, body)
    assert found == by_coverage
    assert found["none"] == found["one"] == found["again"] == [11, 12, 20]
    assert found["few"] == [2, 3, 4, 5, 7, 8, 11, 12, 13, 14, 20]


def test_both_directions_of_a_branch_are_found(tmp_path: Path) -> None:
    body = """
module = importlib.import_module("watched_lines")
watch = Monitored([path])
run(watch, module)
known = watch.arcs(path)
again = Monitored([path])
module.signs(1)
again.stop()
print(json.dumps([known, again.arcs(path)]))
"""
    known, again = (set(map(tuple, arcs)) for arcs in _lines_of(tmp_path, body))
    assert {(4, 5), (4, 7)} <= known
    assert (4, 7) in again
    assert (4, 5) not in again
    assert again <= known


def test_lines_of_an_import_are_found(tmp_path: Path) -> None:
    body = """
watch = Monitored([path])
importlib.import_module("watched_lines")
watch.stop()
print(json.dumps({name: sorted(lines) for name, lines in watch.lines(path).items()}))
"""
    assert _lines_of(tmp_path, body) == {"": [1, 10, 16, 17, 19]}
