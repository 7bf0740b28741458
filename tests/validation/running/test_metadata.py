# ruff: noqa: E501
from pathlib import Path

import pytest

from nightcrew.validation.running.metadata import project_metadata


def test_a_project_finds_its_own_version_and_entry_points(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "pyproject.toml").write_text(
        '[project]\nname = "My.Shop"\ndynamic = ["version"]\n[project.scripts]\nshop = "shop:main"\n'
    )
    (base / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: My.Shop\nVersion: 1.2.3\n")
    (mount,) = project_metadata(base, tmp_path / "made")
    info = mount.source / "my_shop-1.2.3.dist-info"
    assert "Version: 1.2.3" in (info / "METADATA").read_text()
    assert (info / "entry_points.txt").read_text() == "[console_scripts]\nshop = shop:main\n"


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": "from setuptools import setup\nsetup(name='shop', version='1.2',\n"
                     "      entry_points={'pytest11': ['shop=shop.plugin']})\n"},
        {"setup.cfg": "[metadata]\nname = shop\nversion = 1.2\n[options.entry_points]\npytest11 =\n  shop=shop.plugin\n"},
        {"pyproject.toml": "[tool.poetry]\nname = 'shop'\nversion = '1.2'\n[tool.poetry.plugins.pytest11]\nshop = 'shop.plugin'\n"},
    ],
)  # fmt: skip
def test_older_and_other_declarations_count_too(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (mount,) = project_metadata(tmp_path, tmp_path / "made")
    info = mount.source / "shop-1.2.dist-info"
    assert (
        (info / "entry_points.txt").read_text().replace(" ", "").startswith("[pytest11]\nshop=shop.plugin\n")
    )


def test_a_folder_that_declares_nothing_has_no_metadata(tmp_path: Path) -> None:
    assert project_metadata(tmp_path, tmp_path / "made") == ()
