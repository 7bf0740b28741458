"""The whole suite once more as an ordinary user, who is held by other walls than root."""

import shutil
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.ordinary import run_as_ordinary_user, why_not

FOLDER = Path(__file__).parent
LEAST = 80  # attacks, so that a suite that finds nothing to do is noticed


@pytest.fixture
def home() -> Iterator[Path]:
    """Not in pytest's own folder, which others may not enter."""
    folder = Path(tempfile.mkdtemp(prefix="nightcrew-user-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(why_not() != "", reason=why_not())
def test_no_attack_succeeds_against_an_ordinary_user(home: Path) -> None:
    report = home / "report.xml"
    done = run_as_ordinary_user(
        [sys.executable, "-m", "pytest", str(FOLDER), "-m", "attack and not identity_free",
         "-p", "no:cacheprovider", f"--basetemp={home / 'tests'}", f"--junitxml={report}", "--tb=short"],
        home,
        seconds=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    made = [case for case in ElementTree.parse(report).iter("testcase") if case.find("skipped") is None]
    assert len(made) >= LEAST, done.stdout[-2000:]
