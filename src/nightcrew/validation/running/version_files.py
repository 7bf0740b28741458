"""Files with the project's version that its build would write: many packages import such a file.

They are written as a build without a git tag would, and only where base does not have them.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from nightcrew.execution.environments.layout import read_pyproject, table

VERSION = "0.0.0"
_PYTHON = f'__version__ = version = "{VERSION}"\n__version_tuple__ = version_tuple = (0, 0, 0)\n'


def write_version_files(base: Path, root: str) -> tuple[str, ...]:
    """Writes the declared but missing files of the project in a tree's folder `root`; returns their paths."""
    written: list[str] = []
    for name in dict.fromkeys(_declared(base / root)):
        path = PurePosixPath(root, name)
        place = base / path
        inside = ".." not in path.parts and not path.is_absolute() and place.parent.is_dir()
        if inside and place.parent.resolve().is_relative_to(base.resolve()) and not place.exists():
            place.write_text(_PYTHON if place.suffix == ".py" else f"{VERSION}\n")
            written.append(path.as_posix())
    return tuple(written)


# ---------------------------------------------------------------------------------------------------------


def _declared(folder: Path) -> Iterator[str]:
    """Paths that setuptools-scm, hatch-vcs and PDM are configured to write."""
    tool = table(read_pyproject(folder), "tool")
    scm, pdm = table(tool, "setuptools_scm"), table(tool, "pdm", "version")
    paths = [scm.get("write_to"), scm.get("version_file"), pdm.get("write_to")]
    paths.append(table(tool, "hatch", "build", "hooks", "vcs").get("version-file"))
    yield from (one for one in paths if isinstance(one, str) and one)
