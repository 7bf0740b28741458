"""What repeats recorded calls survives code that does not come back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from nightcrew.validation.rig.making import Makings
from nightcrew.validation.rig.protocol import Recorded, Replay, document

PRODUCT = """
import hashlib, time

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
    (tmp_path / "product.py").write_text(PRODUCT)
    kept = Makings(str(tmp_path)).keep([5], {})
    calls = [Recorded("product", name, kept) for name in names]
    job = Replay(str(tmp_path), [str(tmp_path)], calls, [], [], [], "", [], 0.05)
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
