"""Finds a repository's projects, the one that a task is about, and the import roots of their code.

A repository may have one project at its root, or several in folders. Files are parsed, not run.
"""

import configparser
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nightcrew.errors import BadInput
from nightcrew.execution.environments.setup_script import setup_arguments
from nightcrew.target_config import TargetConfig, has_own_table, load_target_config
from nightcrew.untrusted import Unreadable, read_ini, read_text, read_toml

_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")
_DEPTH = 4  # depth below the root at which projects are searched
_NO_PROJECTS = {"node_modules", "tests", "test", "testing", "fixtures", "templates", "vendor", "third_party"}
_FIND = re.compile(r"find_(?:namespace_)?packages\(\s*(?:where\s*=\s*)?[\"']([^\"']+)[\"']")


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the repository: its folder ("" for the root), normalised name and pyproject.toml."""

    folder: str
    name: str
    pyproject: Mapping[str, Any]


def read_target(checkout: Path, about: str | None) -> TargetConfig:
    """The repository's configuration for work on the file `about`, with its root filled in.

    The root is the configured one; else the nearest parent folder of the file that is a project with tests or
    has its own table; else the repository's root.

    Raises:
        BadInput: a configuration file cannot be read, or a link leads to the root.
    """
    config, tree = _read_config(checkout, about), checkout.resolve()
    if (tree / config.root).resolve() != tree / config.root:
        raise BadInput(f"nightcrew.toml: root: a link leads to {config.root}, name the folder itself")
    return config


def find_projects(checkout: Path) -> Iterator[Project]:
    """Every project in the repository, the one at its root first."""
    for place, folders, files in os.walk(checkout):
        depth = len(Path(place).relative_to(checkout).parts)
        folders[:] = sorted(
            name for name in folders if depth < _DEPTH and name[0] not in "._" and name not in _NO_PROJECTS
        )
        if any(name in files for name in _MARKS):
            folder = Path(place).relative_to(checkout).as_posix()
            declared = read_pyproject(Path(place))
            yield Project("" if folder == "." else folder, _name(Path(place), declared), declared)


def import_roots(checkout: Path, root: str) -> tuple[str, ...]:
    """The folders with a project's packages, relative to the repository's root; its own comes last."""
    place = checkout / root
    found = [*_declared_roots(place, read_pyproject(place)), "src"]
    inside = [PurePosixPath(root, name).as_posix() for name in found if name not in {"", "."}]
    own = _name(place, read_pyproject(place)).replace("-", "_")
    usable = [name for name in dict.fromkeys(inside) if _is_source_folder(checkout, name, own)]
    return (*usable, PurePosixPath(root).as_posix() if root else "")


def read_pyproject(folder: Path) -> Mapping[str, Any]:
    """A folder's pyproject.toml; empty if there is no readable one."""
    with suppress(OSError, Unreadable):
        return read_toml(read_text(folder / "pyproject.toml"))
    return {}


def read_setup_cfg(folder: Path) -> configparser.ConfigParser:
    """A folder's setup.cfg; empty if there is no readable one."""
    with suppress(OSError, Unreadable):
        return read_ini(read_text(folder / "setup.cfg"))
    return configparser.ConfigParser(interpolation=None)


def table(of: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A nested table; empty if it is missing."""
    for name in names:
        found = of.get(name)
        of = found if isinstance(found, Mapping) else {}
    return of


def normal_name(name: str) -> str:
    """A project's normalised name, as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


# ---------------------------------------------------------------------------------------------------------


def _read_config(checkout: Path, about: str | None) -> TargetConfig:
    folders = [parent.as_posix() for parent in PurePosixPath(about or "").parents if parent.as_posix() != "."]
    own = next((folder for folder in folders if has_own_table(checkout / folder)), "")
    config = load_target_config(checkout / own)
    if own and not config.root:
        return config.model_copy(update={"root": own})
    if config.root:
        return config.model_copy(update={"root": (PurePosixPath(own) / config.root).as_posix()})
    nearest = next((folder for folder in folders if _is_project_with_tests(checkout / folder)), "")
    return config.model_copy(update={"root": nearest}) if nearest else config


def _name(folder: Path, pyproject: Mapping[str, Any]) -> str:
    declared = table(pyproject, "project").get("name") or table(pyproject, "tool", "poetry").get("name")
    declared = declared or read_setup_cfg(folder).get("metadata", "name", fallback="")
    return normal_name(str(declared or setup_arguments(folder).get("name") or ""))


def _is_project_with_tests(folder: Path) -> bool:
    if not any((folder / name).is_file() for name in _MARKS):
        return False
    tests = ("tests", "test", "testing")
    declared = table(read_pyproject(folder), "tool", "pytest")
    return bool(declared) or any((folder / name).is_dir() for name in tests) or any(folder.glob("test_*.py"))


def _is_source_folder(checkout: Path, path: str, own: str) -> bool:
    """True for a folder of the repository that is not a package itself, or holds the package `own`."""
    place = checkout / path
    inside = ".." not in PurePosixPath(path).parts and place.resolve().is_relative_to(checkout.resolve())
    is_package = (place / "__init__.py").exists() and not (own and (place / own / "__init__.py").is_file())
    return inside and place.is_dir() and not is_package


def _declared_roots(folder: Path, pyproject: Mapping[str, Any]) -> Iterator[str]:
    """The package folders declared in the settings of any build tool."""
    tool = table(pyproject, "tool")
    setuptools = table(tool, "setuptools")
    yield from _of_mapping(setuptools.get("package-dir"))
    yield from _strings(table(setuptools, "packages", "find").get("where"))
    for name in _tables(table(tool, "poetry").get("packages")):
        yield from _strings([name.get("from")])
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
    with suppress(OSError, Unreadable):
        yield from _FIND.findall(read_text(folder / "setup.py"))


def _of_mapping(declared: object) -> Iterator[str]:
    """`{"": "lib"}` and `{"shop": "lib/shop"}` both mean `lib`."""
    for name, place in declared.items() if isinstance(declared, Mapping) else ():
        pure = PurePosixPath(str(place))
        if not name:
            yield pure.as_posix()
        elif pure.parts[-len(str(name).split(".")) :] == tuple(str(name).split(".")):
            yield PurePosixPath(*pure.parts[: -len(str(name).split("."))]).as_posix()


def _of_sources(declared: object) -> list[str]:
    """Hatch's `sources`: a list of folders, or a table from folders to their replacements."""
    return (
        [str(name) for name, to in declared.items() if to == ""]
        if isinstance(declared, Mapping)
        else _strings(declared)
    )


def _strings(declared: object) -> list[str]:
    several: Iterable[object] = declared if isinstance(declared, list | tuple) else [declared]
    return [name for name in several if isinstance(name, str) and name]


def _tables(declared: object) -> list[Mapping[str, Any]]:
    return [name for name in declared if isinstance(name, Mapping)] if isinstance(declared, list) else []
