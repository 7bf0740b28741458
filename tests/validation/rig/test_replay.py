"""What repeats recorded calls survives code that does not come back."""

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from nightcrew.validation.rig.making import Makings
from nightcrew.validation.rig.protocol import Recorded, Replay, document

PRODUCT = """
import functools, hashlib, os, socket, subprocess, time, warnings

def slow(number):
    if number != 5:
        hashlib.pbkdf2_hmac("sha256", b"a", b"b", 10**9)  # some minutes in compiled code
    return number

def waiting(number):
    while number != 5:
        time.sleep(9)
    return number

def fast(number):
    return number + 1

def outer(number):
    return fast(number) if number > 4 else 0

def elsewhere(number):
    return subprocess.run(["true"]).returncode

def noting(number):
    os.makedirs(f"notes/{number}")  # refused where it is there already
    with open("notes/last", "x") as file:
        file.write(str(number))
    with open("product.py", "a") as file:
        file.write("#")
    os.rename("notes/last", "last")
    return sorted(os.listdir("."))

@functools.lru_cache
def warned(number):
    warnings.warn("old")
    return number

def far(number):
    try:
        return socket.getaddrinfo("shop.example", number)
    except OSError:
        return None

class Box:
    def __init__(self, number):
        self.number = fast(number)

    def held(self):
        return self.number

    @staticmethod
    def __hash__(number):
        return id(type) + number
"""
PROGRAM = """
import json, os, sys
from nightcrew.validation.rig import replay
job = json.load(sys.stdin)
replay.SECONDS_OF_WAITING = float(sys.argv[1])
print(json.dumps(replay._replayed(job, os.open(os.devnull, os.O_RDONLY))))
"""


def replayed(tmp_path: Path, *names: str, seconds: float = 100.0) -> dict[str, Any]:
    """The result for calls of these functions with 5; `seconds` is how long a call may wait."""
    kept = Makings(str(tmp_path)).keep([5], {})
    return made_again(tmp_path, [Recorded("product", name, kept) for name in names], seconds=seconds)


def made_again(
    tmp_path: Path, calls: list[Recorded], edited: str = "", seconds: float = 100.0
) -> dict[str, Any]:
    """The result for recorded calls; `edited` is the function of which each answer tells whether it ran."""
    (tmp_path / "product.py").write_text(PRODUCT)
    line = 1 + PRODUCT.splitlines().index(f"def {edited}(number):") if edited else 0
    functions = {str(tmp_path / "product.py"): [[line, line + 1]]} if edited else {}
    job = Replay(str(tmp_path), [str(tmp_path)], calls, [], [], [], "", [], 0.05, functions)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seconds)], input=json.dumps(document(job)).encode(),
        capture_output=True, check=True, timeout=100,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_compiled_code_that_cannot_be_interrupted_costs_only_calls_like_it(tmp_path: Path) -> None:
    result = replayed(tmp_path, "fast", "slow", "fast", "slow")
    fast, slow, again, last = ([one[1] for one in answers] for answers in result["answers"])
    assert fast[0] == again[0] == "6"
    assert len(fast) == len(again) > 3
    assert (slow[0], slow[-1]) == ("5", "!the end of the process")
    assert last == ["5"]
    assert result["deaths"] == 1


def test_a_call_that_waits_is_waited_for_once(tmp_path: Path) -> None:
    result = replayed(tmp_path, "waiting", "waiting", "fast", seconds=3.0)
    waiting, again, fast = ([one[1] for one in answers] for answers in result["answers"])
    assert (waiting, again, fast[0]) == (["5", "!what waits until the time limit"], ["5"], "6")
    assert result["deaths"] == 1


def test_what_needs_the_network_has_no_answer_and_costs_few_calls(tmp_path: Path) -> None:
    result = replayed(tmp_path, "far", "far", "fast")
    far, again, fast = ([one[1] for one in answers] for answers in result["answers"])
    assert (far, again, len(fast) > 3) == (["!what needs the network"] * 2, ["!what needs the network"], True)


def test_each_answer_tells_whether_it_may_have_run_an_edited_function(tmp_path: Path) -> None:
    kept = Makings(str(tmp_path)).keep([5], {})
    names = ["fast", "outer", "elsewhere"]
    result = made_again(tmp_path, [Recorded("product", name, kept) for name in names], edited="fast")
    fast, outer, elsewhere = result["answers"]
    assert {one[5] for one in fast} == {True}
    assert {one[1] != "0": one[5] for one in outer} == {True: True, False: False}
    assert elsewhere[0][5] is True  # another process may run it


def test_an_object_that_an_edited_function_helped_to_make_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product: Any = types.ModuleType("product")
    product.__file__ = str(tmp_path / "product.py")
    exec(compile(PRODUCT, product.__file__, "exec"), vars(product))
    monkeypatch.setitem(sys.modules, "product", product)
    makings, box = Makings(f"{tmp_path}/"), product.Box(5)
    makings.note(box, [5], {})
    call = Recorded("product", "Box.held", makings.keep([box], {}))
    assert made_again(tmp_path, [call])["answers"][0][0][1] == "6"
    assert {one[5] for one in made_again(tmp_path, [call], edited="fast")["answers"][0]} == {True}
    assert {one[5] for one in made_again(tmp_path, [call], edited="outer")["answers"][0]} == {False}


def test_a_hash_is_compared_by_its_type_because_each_process_may_have_another(tmp_path: Path) -> None:
    (answer, *_) = replayed(tmp_path, "Box.__hash__")["answers"][0]
    assert answer[1] == "a hash"


def test_no_call_finds_the_files_of_an_earlier_one(tmp_path: Path) -> None:
    first, again = replayed(tmp_path, "noting", "noting")["answers"]
    assert "last" in first[0][1] and "notes" in first[0][1]
    assert not [one for one in [*first, *again] if one[1] == "something else each time" or "Exists" in one[1]]
    assert {one.name for one in tmp_path.iterdir()} <= {"product.py", "__pycache__"}
    assert (tmp_path / "product.py").read_text() == PRODUCT


def test_without_edited_functions_every_answer_counts(tmp_path: Path) -> None:
    kept = Makings(str(tmp_path)).keep([5], {})
    result = made_again(tmp_path, [Recorded("product", "fast", kept)])
    assert {one[5] for one in result["answers"][0]} == {True}


def test_only_the_wanted_answers_are_made(tmp_path: Path) -> None:
    kept = Makings(str(tmp_path)).keep([5], {})
    every = made_again(tmp_path, [Recorded("product", "fast", kept)])["answers"][0]
    some = made_again(tmp_path, [Recorded("product", "fast", kept, wanted=[1, 3])])["answers"][0]
    assert [one[1] for one in some] == ["", every[1][1], "", every[3][1]]


def test_a_warning_that_only_the_first_call_gives_is_no_result(tmp_path: Path) -> None:
    (answer, *_) = replayed(tmp_path, "warned")["answers"][0]
    assert answer[1] == "5"
