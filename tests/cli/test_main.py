"""What a command says of an error that nobody foresaw."""

import errno
import sys

import pytest

from nightcrew.cli import main
from nightcrew.cli.app import ExitCode


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EROFS, "Read-only file system"), "the disk is full or read-only"),
        (ValueError("nobody thought of it"), "internal error: ValueError: nobody thought of it"),
    ],
)
def test_a_disk_that_cannot_be_written_is_no_internal_error(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["nightcrew"])
    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == ExitCode.INFRASTRUCTURE
    printed = capsys.readouterr().err
    assert words in printed and ("--debug" in printed) == words.startswith("internal")
