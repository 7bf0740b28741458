"""What a repository declares that its tests need: read from its files, nothing of it is run.

The project itself is left out: it is imported from the workspace.
"""

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightcrew.errors import BadInput
from nightcrew.execution.environments.declared_elsewhere import of_poetry, of_setup_py, of_test_runners

TEST_NAMES = ("test", "tests", "testing", "dev", "develop")
"""Names of extras and dependency groups that are taken to be for the tests."""

_REQUIREMENT_FILES = (
    *("requirements*.txt", "requirements/*.txt", "*-requirements.txt", "*_requirements.txt"),
    *("test/*requirements*.txt", "tests/*requirements*.txt"),
)
_NOT_FOR_TESTS = ("doc", "build", "release", "benchmark", "lint", "wheel", "update", "deploy", "publish")
_INCLUDE = re.compile(r"(?:-r|--requirement)[ =]\s*(\S+)")
_LOCAL = re.compile(r"(?:-e\b|--editable|\.|/|file:|[\w.\[\]-]+\s*@\s*file:)")
_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Declared:
    """Requirements as lines of a requirements file, and the Python versions they are for."""

    requirements: tuple[str, ...]
    runners: tuple[str, ...] = ()  # what test runners would install besides; left out where it cannot be
    fallbacks: tuple[tuple[str, ...], ...] = ()  # fewer requirement files, where all cannot be together
    python: str = ""  # a version specifier; empty: any
    locked: bool = False  # there is a uv.lock that says the exact versions
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def read_declared(checkout: Path) -> Declared:
    """What the files in `checkout` declare.

    Raises:
        BadInput: pyproject.toml cannot be read.
    """
    pyproject = _pyproject(checkout)
    project = _table(pyproject, "project")
    extras = tuple(name for name in _table(project, "optional-dependencies") if name in TEST_NAMES)
    groups = tuple(name for name in _table(pyproject, "dependency-groups") if name in TEST_NAMES)
    sure = [
        *_strings(project.get("dependencies")),
        *(line for name in extras for line in _strings(_table(project, "optional-dependencies")[name])),
        *(line for name in groups for line in _group(_table(pyproject, "dependency-groups"), name)),
        *_setup_cfg(checkout),
        *of_setup_py(checkout, TEST_NAMES),
        *of_poetry(pyproject, TEST_NAMES),
    ]
    files = {file: tuple(_requirements(checkout, file)) for file in _requirement_files(checkout)}
    name = project.get("name") or _table(_table(pyproject, "tool"), "poetry").get("name", "")
    own = re.sub(r"[-_.]+", "-", str(name)).lower()

    def with_files(*chosen: Path) -> tuple[str, ...]:
        told = [*sure, *(line for file in chosen for line in files[file])]
        return tuple(dict.fromkeys(line for line in told if not _names(line, own)))

    asked = with_files(*files)
    tests = [file for file in files if any(name in file.stem.lower() for name in TEST_NAMES)]
    plain = [file for file in files if file.name == "requirements.txt"]
    fewer = [with_files(*plain, *tests), with_files(*tests), with_files(*plain), with_files()]
    runners = dict.fromkeys(line for line in of_test_runners(checkout, pyproject) if not _names(line, own))
    return Declared(
        requirements=asked,
        runners=tuple(line for line in runners if line not in asked),
        fallbacks=tuple(dict.fromkeys(one for one in fewer if one and one != asked)),
        python=str(project.get("requires-python", "")),
        locked=(checkout / "uv.lock").is_file(),
        extras=extras,
        groups=groups,
    )


# ---------------------------------------------------------------------------------------------------------


def _pyproject(checkout: Path) -> Mapping[str, Any]:
    path = checkout / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text()) if path.is_file() else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"cannot read the repository's pyproject.toml: {error}") from None


def _table(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, Mapping) else {}


def _strings(found: object) -> list[str]:
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def _group(groups: Mapping[str, Any], name: str, depth: int = 0) -> Iterator[str]:
    """A dependency group with the groups it includes."""
    if depth > _DEPTH or not isinstance(groups.get(name), list):
        return
    for item in groups[name]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping) and isinstance(item.get("include-group"), str):
            yield from _group(groups, item["include-group"], depth + 1)


def _setup_cfg(checkout: Path) -> Iterator[str]:
    path = checkout / "setup.cfg"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text() if path.is_file() else "")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return
    yield from _lines(parser.get("options", "install_requires", fallback=""))
    for name in TEST_NAMES:
        yield from _lines(parser.get("options.extras_require", name, fallback=""))


def _requirement_files(checkout: Path) -> list[Path]:
    found = {path for pattern in _REQUIREMENT_FILES for path in checkout.glob(pattern)}
    return sorted(path for path in found if not _is_documentation(path))


def _is_documentation(path: Path) -> bool:
    return any(word in path.stem.lower() for word in _NOT_FOR_TESTS)


def _requirements(checkout: Path, file: Path, depth: int = 0) -> Iterator[str]:
    """A file's lines with those it includes; options and local folders are left out."""
    if depth > _DEPTH or not file.is_file() or not file.resolve().is_relative_to(checkout.resolve()):
        return
    for line in _lines(file.read_text(errors="replace").replace("\\\n", " ")):
        included = _INCLUDE.match(line)
        if included:
            yield from _requirements(checkout, file.parent / included[1], depth + 1)
        elif not line.startswith("-") and not _LOCAL.match(line):
            yield re.sub(r"\s+--hash[= ]\S+", "", line)


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        stripped = re.sub(r"(^|\s+)#.*$", "", line).strip()
        if stripped:
            yield stripped


def _names(line: str, project: str) -> bool:
    """True where the line asks for the project itself (an extra that includes another one does)."""
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
    return bool(project and found and re.sub(r"[-_.]+", "-", found[0]).lower() == project)
