"""A task's base is fetched once; every workspace is a copy, and none of them changes it."""

from pathlib import Path

from nightcrew.execution.checkout.base import base_checkout, workspace_of
from nightcrew.execution.checkout.workspace import extract_patch, resolve_commit
from nightcrew.settings import Settings

FILE = "src/shop/prices.py"


def test_workspaces_of_one_base_know_nothing_of_each_other(repo: Path, tmp_path: Path) -> None:
    commit = resolve_commit(str(repo), "HEAD")
    with base_checkout(str(repo), commit, Settings(home=tmp_path / "home")) as base:
        before = (base.path / FILE).read_bytes()
        patches = []
        for number in range(2):
            workspace = workspace_of(base, tmp_path / f"tree-{number}")
            (workspace.path / FILE).write_text(f"PRICE = {number}\n")
            (workspace.path / f"new_{number}.py").write_text("A = 1\n")
            patches.append(extract_patch(workspace))
        assert (base.path / FILE).read_bytes() == before and extract_patch(base) == ""
    first, second = patches
    assert "+PRICE = 0" in first and "new_0.py" in first and "new_1.py" not in first
    assert "+PRICE = 1" in second and "new_1.py" in second and "new_0.py" not in second


def test_nothing_is_left_behind(repo: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with base_checkout(str(repo), resolve_commit(str(repo), "HEAD"), settings) as base:
        assert base.path.is_relative_to(settings.work_dir) and (base.path / FILE).is_file()
    assert list(settings.work_dir.iterdir()) == []
