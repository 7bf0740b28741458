# ruff: noqa: E501
import subprocess
import sys
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


def test_a_change_may_release_a_version_and_declares_no_programs(tmp_path: Path) -> None:
    for name, version, program in (("base", "1.2", "shop"), ("patched", "1.3", "other")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(
            f'[project]\nname = "shop"\nversion = "{version}"\n[project.scripts]\n{program} = "shop:main"\n'
        )
    (mount,) = project_metadata(tmp_path / "base", tmp_path / "made", released=tmp_path / "patched")
    info = mount.source / "shop-1.3.dist-info"
    assert "Version: 1.3" in (info / "METADATA").read_text()
    assert (info / "entry_points.txt").read_text() == "[console_scripts]\nshop = shop:main\n"


def test_a_folder_that_declares_nothing_has_no_metadata(tmp_path: Path) -> None:
    assert project_metadata(tmp_path, tmp_path / "made") == ()


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[project]\nname = 'shop'\n[project.scripts]\nshop = 'shop:main.run'\n"},
        {"setup.cfg": "[metadata]\nname = shop\n[options.entry_points]\nconsole_scripts =\n    shop = shop:main.run\n"},
        {"setup.py": "from setuptools import setup\nsetup(name='shop', entry_points={'console_scripts': ['shop=shop:main.run']})\n"},
        {"setup.py": "from setuptools import setup\nsetup(name='shop', entry_points='[console_scripts]\\nshop = shop:main.run [x]')\n"},
    ],
)  # fmt: skip
def test_the_programs_of_a_project_can_be_started_as_if_it_were_installed(
    tmp_path: Path, files: dict[str, str]
) -> None:
    code = "class main:\n    run = staticmethod(lambda: 3)\n"
    for name, text in {**files, "shop.py": code}.items():
        (tmp_path / name).write_text(text)
    (mount,) = project_metadata(tmp_path, tmp_path / "made")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    env = {"PATH": path, "PYTHONPATH": str(tmp_path)}
    assert subprocess.run([mount.source / "bin" / "shop"], env=env, check=False).returncode == 3


def test_a_program_has_a_plain_name_and_starts_a_function(tmp_path: Path) -> None:
    scripts = '"../out" = "shop:main"\nshop = "shop:main(); import os"\n'
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'shop'\n[project.scripts]\n{scripts}")
    (mount,) = project_metadata(tmp_path, tmp_path / "made")
    assert not [*(mount.source / "bin").iterdir()]
    assert not (tmp_path / "made" / "out").exists()
