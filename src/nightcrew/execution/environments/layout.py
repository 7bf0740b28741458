"""Where a repository's projects lie, which of them a task is about, and where their code is imported from.

A repository may hold one project at its root, or many in folders. Read as text, nothing of it is run.
"""

import configparser
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nightcrew.execution.environments.declared_elsewhere import setup_arguments
from nightcrew.settings import TargetConfig, has_own_table, load_target_config
from nightcrew.untrusted import Unreadable, read_toml

_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")
_DEPTH = 4  # folders below the root in which a project is looked for
_NO_PROJECTS = {"node_modules", "tests", "test", "testing", "fixtures", "templates", "vendor", "third_party"}
_FIND = re.compile(r"find_(?:namespace_)?packages\(\s*(?:where\s*=\s*)?[\"']([^\"']+)[\"']")


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the repository: its folder ("" for the root), its normalised name, its pyproject.toml."""

    folder: str
    name: str
    pyproject: Mapping[str, Any]


def read_target(checkout: Path, about: str | None) -> TargetConfig:
    """What the repository says of itself for work on the file `about`, its root filled in.

    The root is where the configuration says; else the nearest folder above the file that is a project with
    tests or has a table of its own; else the repository's.

    Raises:
        BadInput: a file of it cannot be read.
    """
    folders = [parent.as_posix() for parent in PurePosixPath(about or "").parents if parent.as_posix() != "."]
    own = next((folder for folder in folders if has_own_table(checkout / folder)), "")
    config = load_target_config(checkout / own)
    if own and not config.root:
        return config.model_copy(update={"root": own})
    if config.root:
        return config.model_copy(update={"root": (PurePosixPath(own) / config.root).as_posix()})
    nearest = next((folder for folder in folders if _is_project_with_tests(checkout / folder)), "")
    return config.model_copy(update={"root": nearest}) if nearest else config


def find_projects(checkout: Path) -> Iterator[Project]:
    """Every project in the repository, the one at its root first."""
    for place, folders, files in os.walk(checkout):
        depth = len(Path(place).relative_to(checkout).parts)
        folders[:] = sorted(
            name for name in folders if depth < _DEPTH and name[0] not in "._" and name not in _NO_PROJECTS
        )
        if any(name in files for name in _MARKS):
            folder = Path(place).relative_to(checkout).as_posix()
            told = read_pyproject(Path(place))
            yield Project("" if folder == "." else folder, _name(Path(place), told), told)


def import_roots(checkout: Path, root: str) -> tuple[str, ...]:
    """Folders, relative to the repository's root, that a project's packages lie in; its own comes last."""
    place = checkout / root
    found = [*_declared_roots(place, read_pyproject(place)), "src"]
    inside = [PurePosixPath(root, one).as_posix() for one in found if one not in {"", "."}]
    usable = [one for one in dict.fromkeys(inside) if _is_source_folder(checkout, one)]
    return (*usable, PurePosixPath(root).as_posix() if root else "")


def read_pyproject(folder: Path) -> Mapping[str, Any]:
    """A folder's pyproject.toml; empty where there is none that can be read."""
    with suppress(OSError, UnicodeDecodeError, Unreadable):
        return read_toml((folder / "pyproject.toml").read_text())
    return {}


def read_setup_cfg(folder: Path) -> configparser.ConfigParser:
    """A folder's setup.cfg; empty where there is none that can be read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with suppress(OSError, UnicodeDecodeError, configparser.Error):
        parser.read_string((folder / "setup.cfg").read_text())
    return parser


def table(of: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A nested table, empty where it is not."""
    for name in names:
        found = of.get(name)
        of = found if isinstance(found, Mapping) else {}
    return of


def normal_name(name: str) -> str:
    """A project's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


# ---------------------------------------------------------------------------------------------------------


def _name(folder: Path, pyproject: Mapping[str, Any]) -> str:
    told = table(pyproject, "project").get("name") or table(pyproject, "tool", "poetry").get("name")
    told = told or read_setup_cfg(folder).get("metadata", "name", fallback="")
    return normal_name(str(told or setup_arguments(folder).get("name") or ""))


def _is_project_with_tests(folder: Path) -> bool:
    if not any((folder / name).is_file() for name in _MARKS):
        return False
    tests = ("tests", "test", "testing")
    told = table(read_pyproject(folder), "tool", "pytest")
    return bool(told) or any((folder / name).is_dir() for name in tests) or any(folder.glob("test_*.py"))


def _is_source_folder(checkout: Path, path: str) -> bool:
    """A folder of the repository that is no package itself."""
    place = checkout / path
    inside = ".." not in PurePosixPath(path).parts and place.resolve().is_relative_to(checkout.resolve())
    return inside and place.is_dir() and not (place / "__init__.py").exists()


def _declared_roots(folder: Path, pyproject: Mapping[str, Any]) -> Iterator[str]:
    """Where the build's own settings say that packages lie, whatever tool builds the project."""
    tool = table(pyproject, "tool")
    setuptools = table(tool, "setuptools")
    yield from _of_mapping(setuptools.get("package-dir"))
    yield from _strings(table(setuptools, "packages", "find").get("where"))
    for one in _tables(table(tool, "poetry").get("packages")):
        yield from _strings([one.get("from")])
    wheel = table(tool, "hatch", "build", "targets", "wheel")
    for path in _strings(wheel.get("packages")) + _strings(wheel.get("only-include")):
        yield PurePosixPath(path).parent.as_posix()
    yield from _of_sources(wheel.get("sources"))
    yield from _strings(table(tool, "hatch", "build").get("dev-mode-dirs"))
    yield from _strings(
        [table(tool, "pdm", "build").get("package-dir"), table(tool, "maturin").get("python-source")]
    )
    yield from _strings([table(tool, "uv", "build-backend").get("module-root")])
    yield from _of_setuptools_files(folder)


def _of_setuptools_files(folder: Path) -> Iterator[str]:
    cfg = read_setup_cfg(folder)
    for line in cfg.get("options", "package_dir", fallback="").splitlines():
        name, _, place = line.partition("=")
        yield from _of_mapping({name.strip(): place.strip()} if place else None)
    yield from cfg.get("options.packages.find", "where", fallback="").split()
    yield from _of_mapping(setup_arguments(folder).get("package_dir"))
    with suppress(OSError, UnicodeDecodeError):
        yield from _FIND.findall((folder / "setup.py").read_text())


def _of_mapping(told: object) -> Iterator[str]:
    """`{"": "lib"}` and `{"shop": "lib/shop"}` both mean `lib`."""
    for name, place in told.items() if isinstance(told, Mapping) else ():
        pure = PurePosixPath(str(place))
        if not name:
            yield pure.as_posix()
        elif pure.parts[-len(str(name).split(".")) :] == tuple(str(name).split(".")):
            yield PurePosixPath(*pure.parts[: -len(str(name).split("."))]).as_posix()


def _of_sources(told: object) -> list[str]:
    """Hatch's `sources`: a list of folders, or a table from folders to what stands for them."""
    return (
        [str(name) for name, to in told.items() if to == ""] if isinstance(told, Mapping) else _strings(told)
    )


def _strings(told: object) -> list[str]:
    several: Iterable[object] = told if isinstance(told, list | tuple) else [told]
    return [one for one in several if isinstance(one, str) and one]


def _tables(told: object) -> list[Mapping[str, Any]]:
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
