"""Version files that a build would write are written where a project declares them, and nowhere else."""

from pathlib import Path

import pytest

from nightcrew.validation.running.version_files import write_version_files

SETUP = """
from pathlib import Path
from setuptools import setup
here = Path(__file__).parent
setup(use_scm_version={"write_to": str(here / "shop" / "version.py")})
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.setuptools_scm]\nwrite_to = "shop/version.py"\n'),
        ("pyproject.toml", '[tool.setuptools_scm]\nversion_file = "shop/version.py"\n'),
        ("pyproject.toml", '[tool.hatch.build.hooks.vcs]\nversion-file = "shop/version.py"\n'),
        ("pyproject.toml", '[tool.pdm.version]\nwrite_to = "shop/version.py"\n'),
        ("setup.py", SETUP),
    ],
)
def test_a_declared_file_is_written(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / name).write_text(text)
    assert write_version_files(tmp_path, "") == ("shop/version.py",)
    names: dict[str, object] = {}
    exec((tmp_path / "shop/version.py").read_text(), names)
    assert (names["__version__"], names["version_tuple"]) == ("0.0.0", (0, 0, 0))


def test_a_file_of_base_stays(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("7\n")
    (tmp_path / "pyproject.toml").write_text('[tool.setuptools_scm]\nwrite_to = "VERSION"\n')
    assert write_version_files(tmp_path, "") == ()
    assert (tmp_path / "VERSION").read_text() == "7\n"


@pytest.mark.parametrize(
    "path", ["../outside.py", "/tmp/outside.py", "link/outside.py", "missing/version.py"]
)
def test_nothing_is_written_outside_of_the_tree(tmp_path: Path, path: str) -> None:
    base, outside = tmp_path / "base", tmp_path / "outside"
    base.mkdir()
    outside.mkdir()
    (base / "link").symlink_to(outside)
    (base / "pyproject.toml").write_text(f'[tool.setuptools_scm]\nwrite_to = "{path}"\n')
    assert write_version_files(base, "") == ()
    assert list(outside.iterdir()) == []
    assert not Path("/tmp/outside.py").exists()
