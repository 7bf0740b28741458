"""Folders that go with their owner, however the owner goes."""

import subprocess
import sys
from pathlib import Path

import pytest

from nightcrew.execution.checkout.work_folder import work_folder

OWNER = """
import sys, time
from pathlib import Path
from nightcrew.execution.checkout.work_folder import work_folder
with work_folder(Path(sys.argv[1]), "t-killed") as folder:
    (folder / "file").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


def test_it_is_gone_after_use_and_after_an_error(tmp_path: Path) -> None:
    with work_folder(tmp_path, "t-1") as folder:
        (folder / "deep").mkdir()
    assert not folder.exists()
    with pytest.raises(ValueError, match="wrong"), work_folder(tmp_path, "t-1") as folder:
        raise ValueError("wrong")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_owner_left_is_swept_by_the_next_one(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    left = Path(owner.stdout.readline().strip())
    with work_folder(tmp_path, "t-2"):
        assert (left / "file").exists(), "a living owner keeps its folder"
    owner.kill()
    owner.communicate()
    with work_folder(tmp_path, "t-3"):
        assert not left.exists()


def test_other_folders_are_nobodys_to_sweep(tmp_path: Path) -> None:
    (tmp_path / "room-1").mkdir()
    with work_folder(tmp_path, "t-4"):
        pass
    assert (tmp_path / "room-1").exists()
