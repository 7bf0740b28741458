"""`make test`: what failed beside other tests is tried once more, alone, and named."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts" / "run_tests.py"
IMPATIENT = """
import os, pytest
@pytest.mark.xdist_group("slow")
@pytest.mark.parametrize("who", ["a@b"])
def test_impatient(who): assert "PYTEST_XDIST_WORKER" not in os.environ
"""


def _run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_a_failure_that_passes_alone_is_named_and_no_failure(tmp_path: Path) -> None:
    done = _run(tmp_path, IMPATIENT)
    assert done.returncode == 0
    assert done.stdout.endswith("FAILED, THEN PASSED ALONE:\n  test_it.py::test_impatient[a@b]\n")


def test_a_failure_that_fails_alone_too_is_one(tmp_path: Path) -> None:
    done = _run(tmp_path, "def test_wrong(): assert False\n")
    assert done.returncode == 1
    assert "PASSED ALONE" not in done.stdout


def test_many_failures_are_not_tried_again(tmp_path: Path) -> None:
    many = IMPATIENT + "".join(
        f"def test_{n}(): assert 'PYTEST_XDIST_WORKER' not in os.environ\n" for n in range(5)
    )
    done = _run(tmp_path, many)
    assert done.returncode == 1
    assert "once more" not in done.stdout


def test_what_pytest_cannot_run_is_not_tried_again(tmp_path: Path) -> None:
    done = _run(tmp_path, "")
    assert done.returncode == 5
