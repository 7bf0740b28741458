"""Runs every test in two processes; what failed there runs again alone, as with CPython's `regrtest --rerun`.

Most tests start real services, which a busy machine can delay beyond a test's patience. A fault of the code
fails alone too, and more than a few failures are never run again. What failed and then passed is named: it is
a fault to look at, of the test or of the code, but no reason to refuse a change.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

TOGETHER = (
    "--numprocesses",
    "2",
    "--dist",
    "loadgroup",
    "--no-loadscope-reorder",
    "--max-worker-restart",
    "0",
)
FAILED = Path(".pytest_cache/v/cache/lastfailed")
FEW = 5
TESTS_FAILED = 1  # pytest's exit code; the others say that it could not run them


def main() -> int:
    FAILED.unlink(missing_ok=True)
    code = _pytest(*TOGETHER)
    failed = _failed()
    if code != TESTS_FAILED or not 0 < len(failed) <= FEW:
        return code
    print(f"\n{len(failed)} failed and run once more, alone:", flush=True)
    again = _pytest(*failed)
    if again == 0:
        print("FAILED, THEN PASSED ALONE:", *failed, sep="\n  ")
    return again


def _failed() -> list[str]:
    if not FAILED.exists():
        return []
    # xdist's `@group` behind a name is none of pytest's own
    return sorted(re.sub(r"@[^@\]]+$", "", name) for name in json.loads(FAILED.read_text()))


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
