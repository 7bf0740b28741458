"""What repeats recorded calls survives code that does not come back."""

import json
import subprocess
import sys
from pathlib import Path

from nightcrew.validation.rig.making import Makings
from nightcrew.validation.rig.protocol import Recorded, Replay, document

PRODUCT = """
import hashlib

def slow(number):
    if number != 5:
        hashlib.pbkdf2_hmac("sha256", b"a", b"b", 10**9)  # some minutes in compiled code
    return number

def fast(number):
    return number + 1
"""
PROGRAM = """
import json, os, sys
from nightcrew.validation.rig import replay
job = json.load(sys.stdin)
print(json.dumps(replay._replayed(job, os.open(os.devnull, os.O_RDONLY))))
"""


def test_compiled_code_that_cannot_be_interrupted_costs_only_calls_like_it(tmp_path: Path) -> None:
    (tmp_path / "product.py").write_text(PRODUCT)
    kept = Makings(str(tmp_path)).keep([5], {})
    calls = [Recorded("product", name, kept) for name in ("fast", "slow", "fast", "slow")]
    job = Replay(str(tmp_path), [str(tmp_path)], calls, [], [], [], "", [], 0.05)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(document(job)).encode(), capture_output=True,
        check=True, timeout=100,
    )  # fmt: skip
    result = json.loads(done.stdout)
    fast, slow, again, last = ([one[1] for one in answers] for answers in result["answers"])
    assert fast[0] == again[0] == "6"
    assert len(fast) == len(again) > 3
    assert (slow[0], slow[-1]) == ("5", "!the end of the process")
    assert last == ["5"]
    assert (result["deaths"], result["waits"]) == (1, 0)
