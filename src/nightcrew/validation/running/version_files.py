"""Files with the project's version that its build would write: many packages import such a file.

They are written as a build without a git tag would, and only where base does not have them.
"""

import ast
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from nightcrew.execution.environments.layout import read_pyproject, table
from nightcrew.untrusted import Unreadable, parse_python, read_text
from nightcrew.validation.reading.suite import walk

VERSION = "0.0.0"
_KEYS = ("write_to", "version_file")
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
    paths = [*(scm.get(key) for key in _KEYS), pdm.get("write_to"), *_in_setup_script(folder / "setup.py")]
    paths.append(table(tool, "hatch", "build", "hooks", "vcs").get("version-file"))
    yield from (one for one in paths if isinstance(one, str) and one)


def _in_setup_script(file: Path) -> Iterator[str]:
    """The same paths in a setup.py. One that is put together there starts in the script's own folder, so
    that the texts in it are the path: `str(here / "shop" / "version.py")`."""
    tree = ast.Module([], [])
    with suppress(OSError, Unreadable):
        tree = parse_python(read_text(file))
    for one in walk(tree):
        for key, value in zip(one.keys, one.values, strict=True) if isinstance(one, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value in _KEYS:
                parts = [part for part in walk(value) if isinstance(part, ast.Constant)]
                parts.sort(key=lambda part: (part.lineno, part.col_offset))
                yield "/".join(part.value for part in parts if isinstance(part.value, str))
