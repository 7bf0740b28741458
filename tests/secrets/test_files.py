"""What a crew keeps is closed to everybody else, and is closed again where it was open."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.secrets.files import (
    close_to_others,
    let_sandboxes_read,
    open_home,
    usual_modes,
    write_private,
    write_shown,
)


@pytest.fixture(autouse=True)
def careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_is_made_closed_and_an_open_one_is_closed(tmp_path: Path) -> None:
    assert mode(open_home(tmp_path / "made" / "home")) == 0o700
    (tmp_path / "open").mkdir(mode=0o755)
    assert mode(open_home(tmp_path / "open")) == 0o700


def test_all_of_an_open_home_is_closed_but_what_sandboxes_are_shown(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name in ("results/t-1/calls.jsonl", "ledger/journal/x.jsonl", "environments/e/bin/python"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text("x")
    (home / "results" / "link").symlink_to("/etc/passwd")
    shown, passwd = mode(home / "environments" / "e"), mode(Path("/etc/passwd"))
    assert close_to_others(home) == 7
    open_ones = [path for path in home.rglob("*") if not path.is_symlink() and mode(path) & 0o077]
    assert {path.relative_to(home).parts[0] for path in open_ones} == {"environments"}
    assert (mode(home), mode(home / "results/t-1/calls.jsonl")) == (0o700, 0o600)
    assert (mode(home / "environments" / "e"), mode(Path("/etc/passwd"))) == (shown, passwd)
    assert close_to_others(home) == 0


def test_a_private_file_is_private_from_its_first_moment_and_replaced_whole(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", "one")
    write_private(tmp_path / "secret", "two")
    assert (tmp_path / "secret").read_text() == "two"
    assert mode(tmp_path / "secret") == 0o600
    assert len(list(tmp_path.iterdir())) == 1


def test_what_sandboxes_are_shown_can_be_read_and_not_changed(tmp_path: Path) -> None:
    os.umask(0o077)
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "file").write_text("x")
    let_sandboxes_read(tmp_path / "shown", tmp_path / "shown" / "file")
    assert (mode(tmp_path / "shown"), mode(tmp_path / "shown" / "file")) == (0o755, 0o644)
    with usual_modes():
        (tmp_path / "asked for").write_text("x")
    assert mode(tmp_path / "asked for") == 0o644
    write_shown(tmp_path / "new" / "folder" / "file", b"x")
    assert [mode(tmp_path / name) for name in ("new", "new/folder", "new/folder/file")] == [
        0o755,
        0o755,
        0o644,
    ]
