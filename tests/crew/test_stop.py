"""A crew waits for its disk before it starts."""

import errno
from pathlib import Path

import pytest

from nightcrew.crew import stop
from nightcrew.errors import Transient
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


def test_a_start_that_the_disk_stops_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "WAIT_SECONDS", 0.0)
    settings, lines = load_settings(home=tmp_path / "home"), list[str]()
    ends = [OSError(errno.EROFS, "Read-only file system"), OSError(errno.ENOSPC, "No space left on device")]

    def start() -> str:
        if ends:
            raise ends.pop(0)
        return "it runs"

    assert stop.started_with_patience(settings, start, lines.append) == "it runs"
    assert len(lines) == 2
    assert "Read-only file system: the crew is started again" in lines[0]


@pytest.mark.parametrize("failures", [2, 3])
def test_a_service_that_dies_while_it_starts_is_started_again(
    failures: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a person, had ended PostgreSQL while Prefect's server started."""
    monkeypatch.setattr(stop, "WAIT_SECONDS", 0.0)
    left = [Transient("a service did not start, see server.log")] * failures

    def start() -> str:
        if left:
            raise left.pop()
        return "it runs"

    def started() -> str:
        return stop.started_with_patience(load_settings(home=tmp_path / "home"), start, lambda line: None)

    if failures < stop.MOST_FAILED_STARTS:
        assert started() == "it runs"
    else:
        with pytest.raises(Transient, match=r"server\.log"):
            started()


@pytest.mark.parametrize(
    ("error", "context"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), None),
        (OSError(errno.EROFS, "Read-only"), SystemExit(0)),
    ],
    ids=["not the disk", "asked to end"],
)
def test_other_errors_of_a_start_end_it(
    error: OSError, context: BaseException | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "WAIT_SECONDS", 0.0)
    error.__context__ = context
    tries: list[int] = []

    def start() -> None:
        tries.append(1)
        raise error

    with pytest.raises(OSError, match=error.strerror):
        stop.started_with_patience(load_settings(home=tmp_path / "home"), start, lambda line: None)
    assert len(tries) == 1
