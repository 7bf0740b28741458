"""Folders that go with their owner, however the owner goes."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nightcrew.execution.checkout.work_folder import (
    sweep_temporary,
    sweep_unowned,
    temporary_folder,
    work_folder,
)

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


def test_the_engine_removes_what_an_older_version_left_without_an_owner(tmp_path: Path) -> None:
    left, made = tmp_path / "gateway-h0g55ruu", tmp_path / ".new-room-1"
    for folder in (left / "deep", made, tmp_path / "elsewhere"):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / ".owner").touch()
    with work_folder(tmp_path, "t-5") as mine:
        sweep_unowned(tmp_path)
        assert mine.exists() and not left.exists()
        assert made.exists(), "it is being made at this moment"
        assert (tmp_path / "link").is_symlink()


def test_temporary_files_of_a_killed_process_are_swept_and_those_of_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = "from nightcrew.execution.checkout.work_folder import temporary_folder as t\nimport time\n"
    code += "with t('x') as folder: print(folder, flush=True); time.sleep(60)"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env)
    assert owner.stdout
    left = Path(owner.stdout.readline().strip())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".owner").touch()
    (tmp_path / "nightcrew-link").symlink_to(tmp_path / "elsewhere")
    with temporary_folder("y") as mine:
        sweep_temporary()
        assert left.is_dir() and mine.is_dir() and not list(mine.iterdir())
    owner.kill()
    owner.communicate()
    sweep_temporary()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "nightcrew-link"]
    assert (tmp_path / "elsewhere" / ".owner").exists()
