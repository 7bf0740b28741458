"""A full, exhausted or read-only disk is recognised in every form in which it is reported."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.errors import Transient
from nightcrew.execution.checkout.free_space import full_or_locked, obstacle, was_full
from nightcrew.execution.checkout.git import GitFailed

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def caused_by(cause: Exception, *, suppressed: bool = False) -> Exception:
    """An error that stands for another one, with or without naming it."""
    try:
        try:
            raise cause
        except Exception as error:
            if suppressed:
                raise ValueError("something else") from None
            raise Transient("the checkout failed") from error
    except Exception as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        FULL,
        OSError(errno.EDQUOT, "x"),
        OSError(errno.EROFS, "x"),
        caused_by(FULL),
        caused_by(FULL, suppressed=True),
        GitFailed("fatal: write error: No space left on device", 128),
        Transient("could not extend file: Disk quota exceeded"),
        RuntimeError("error: could not lock config file: Read-only file system"),
    ],
)
def test_it_is_recognised(error: Exception) -> None:
    assert was_full(error)


@pytest.mark.parametrize(
    "error",
    [
        None,
        OSError(errno.ENOENT, os.strerror(errno.ENOENT)),
        GitFailed("fatal: repository not found", 128),
        GitFailed("remote: No space left on device", 128),
        GitFailed("remote: fatal: No space left on device", 128),
    ],
)
def test_other_errors_are_not_of_our_disk(error: Exception | None) -> None:
    assert not was_full(error)


def test_a_folder_with_room_has_no_obstacle_and_keeps_no_trace(tmp_path: Path) -> None:
    assert obstacle(tmp_path / "not" / "yet") == ""
    assert list(tmp_path.iterdir()) == []
    assert "no space is left" in obstacle(tmp_path, least_bytes=1 << 60)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m,nr_inodes=3", "nightcrew-test", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a disk needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_used_up_inodes_and_a_read_only_disk_are_obstacles(small_disk: Path) -> None:
    assert obstacle(small_disk) == ""
    (small_disk / "one").touch()
    (small_disk / "two").touch()
    assert obstacle(small_disk) == f"{small_disk} cannot be written: No space left on device"
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert obstacle(small_disk) == f"{small_disk} cannot be written: Read-only file system"
    assert full_or_locked(small_disk) == obstacle(small_disk)


def test_a_folder_of_somebody_else_is_no_disk_to_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = OSError(errno.EACCES, os.strerror(errno.EACCES))
    monkeypatch.setattr(Path, "write_bytes", lambda *_: (_ for _ in ()).throw(refused))
    assert "Permission denied" in obstacle(tmp_path)
    assert full_or_locked(tmp_path) == ""
