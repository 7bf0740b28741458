from pathlib import Path

from nightcrew.validation.metadata import project_metadata


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


def test_a_folder_that_declares_nothing_has_no_metadata(tmp_path: Path) -> None:
    assert project_metadata(tmp_path, tmp_path / "made") == ()
