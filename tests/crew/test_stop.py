"""A crew waits for its disk before it starts."""

from pathlib import Path

import pytest

from nightcrew.crew import stop
from nightcrew.settings import load_settings


def test_it_waits_until_the_home_can_be_written_and_says_once_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, why = tmp_path / "home", "cannot be written: Read-only file system"
    answers = iter([why, why, ""])
    monkeypatch.setattr(stop, "full_or_locked", lambda place: next(answers) if place == home else "")
    monkeypatch.setattr(stop, "WAIT_SECONDS", 0.0)
    lines: list[str] = []
    stop.wait_for_disk(load_settings(home=home), lines.append)
    assert lines == [f"{why}: the crew starts when that is over"]
