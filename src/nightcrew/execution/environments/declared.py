"""Reads which requirements a repository declares for the tests of one of its projects; runs no code.

The repository's own projects are left out, because they are imported from the workspace, and names private to
a repository must never be sent to an index. Their requirements are included.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from nightcrew.errors import BadInput
from nightcrew.execution.environments.declared_elsewhere import (
    extras_of_setup,
    of_ci,
    of_flit,
    of_nox,
    of_poetry,
    of_setup_cfg,
    of_setup_py,
    of_test_runners,
    of_tests_require,
)  # fmt: skip
from nightcrew.execution.environments.layout import Project, find_projects, normal_name, read_pyproject, table
from nightcrew.execution.environments.requirement_files import (
    TEST_NAMES,
    lines_of,
    requirement_files,
    selections,
    test_names,
    with_old_modules,
)
from nightcrew.untrusted import Unreadable, read_file, read_text, read_toml

_EXTRAS, _GROUPS = ("project", "optional-dependencies"), ("dependency-groups",)
_INCLUDE = re.compile(r"(?:-r|--requirement)[ =]?\s*(\S+)")
_LOCAL = re.compile(
    r"(?:(?:-e|--editable)[ =]?\s*(?P<edited>[^\[\s;]+)|(?P<place>(?:\.|/|file:)[^\[\s;]*))"
    r"(?:\[(?P<extras>[^\]]*)\])?"
)
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^\]]*)\])?")


@dataclass(frozen=True, slots=True)
class Declared:
    """Requirements as lines of a requirements file, and the supported Python versions."""

    requirements: tuple[str, ...]
    runners: tuple[str, ...] = ()  # installed by test runners; left out if they cannot be installed
    fallbacks: tuple[tuple[str, ...], ...] = ()  # fewer requirement files, if all conflict with each other
    python: str = ""  # a version specifier; empty: any
    locked: bool = False  # a uv.lock has the exact versions
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    members: tuple[str, ...] = ()  # folders of the other projects in the repository that are needed


def read_declared(checkout: Path, root: str = "") -> Declared:
    """The requirements that `checkout` declares for the project in its folder `root`.

    Raises:
        BadInput: its pyproject.toml cannot be read.
    """
    place = checkout / root
    pyproject = _pyproject(place)
    reader = _Reader(checkout, root)
    sure, files, runners = _all_lines(reader)
    asked, *fewer = selections(with_old_modules(sure, checkout), files)
    extras, groups = (table(pyproject, *path) for path in (_EXTRAS, _GROUPS))
    members = reader.members
    return Declared(
        requirements=asked,
        runners=tuple(line for line in runners if line not in asked),
        fallbacks=tuple(fewer),
        python=str(table(pyproject, "project").get("requires-python", "")),
        locked=(place / "uv.lock").is_file() and not members,
        extras=test_names(extras),
        groups=test_names(groups),
        members=members,
    )


def read_members(checkout: Path, root: str = "") -> tuple[str, ...]:
    """Folders of the repository's other projects that the one in `root` needs; reads no code.

    Raises:
        BadInput: its pyproject.toml cannot be read.
    """
    _pyproject(checkout / root)
    reader = _Reader(checkout, root)
    _all_lines(reader)
    return reader.members


# ---------------------------------------------------------------------------------------------------------


class _Reader:
    """Resolves requirements on the repository's own projects; `folders` are those needed."""

    def __init__(self, checkout: Path, root: str) -> None:
        self.checkout, self.root = checkout, root
        projects = tuple(find_projects(checkout))
        self.by_name = {one.name: one for one in projects if one.name}
        self.others = tuple(one for one in projects if one.folder != root)
        self.folders: list[str] = []
        self._seen: set[tuple[str, str]] = set()

    @property
    def members(self) -> tuple[str, ...]:
        """The folders of other projects that were needed so far."""
        return tuple(folder for folder in self.folders if folder != self.root)

    def of_tests(self, folder: str) -> Iterator[str]:
        """The requirements of a project and its tests; of all members if it is a workspace root."""
        yield from self.of_project(folder, TEST_NAMES)
        pyproject = read_pyproject(self.checkout / folder)
        extras = {**table(pyproject, *_EXTRAS), **extras_of_setup(self.checkout / folder)}
        yield from self.of_project(folder, test_names(extras))
        groups = table(pyproject, *_GROUPS)
        for name in test_names(groups):
            yield from self._resolved(_group(groups, name), folder)
        yield from self._resolved(of_poetry(pyproject, TEST_NAMES), folder)
        for one in self.others if not folder else ():
            if _is_member(pyproject, one):
                yield from self.of_project(one.folder, TEST_NAMES)

    def of_project(self, folder: str, extras: Sequence[str]) -> Iterator[str]:
        """The requirements of a project with extras, each once."""
        place, pyproject = self.checkout / folder, read_pyproject(self.checkout / folder)
        optional = table(pyproject, "project", "optional-dependencies")
        if (folder, "") not in self._seen:
            self._seen.add((folder, ""))
            self.folders.append(folder)
            lines = [*_strings(table(pyproject, "project").get("dependencies")), *of_setup_cfg(place, ())]
            lines = [*lines, *of_setup_py(place, ()), *of_poetry(pyproject, ()), *of_flit(pyproject, ())]
            yield from self._resolved(lines, folder, strict=True)
        if extras is TEST_NAMES:
            yield from self._resolved(of_tests_require(place), folder)
        for name in extras:
            if (folder, name) not in self._seen:
                self._seen.add((folder, name))
                poetry = table(pyproject, "tool", "poetry", "extras").get(name)
                lines = [
                    *_strings(optional.get(name)),
                    *of_setup_cfg(place, [name]),
                    *of_setup_py(place, [name]),
                    *of_flit(pyproject, [name]),
                ]
                yield from self._resolved([*lines, *_strings(poetry)], folder)

    def of_file(self, file: Path, seen: set[Path] | None = None) -> Iterator[str]:
        """The lines of a requirements file and the files it includes, each once, without options."""
        place, seen = file.resolve(), set() if seen is None else seen
        if place in seen or not file.is_file() or not place.is_relative_to(self.checkout.resolve()):
            return
        seen.add(place)
        folder = file.parent.relative_to(self.checkout).as_posix()
        try:
            text = read_file(place).decode(errors="replace")
        except (OSError, Unreadable) as error:
            raise BadInput(f"cannot read the repository's {file.name}: {error}") from None
        for line in lines_of(text.replace("\r\n", "\n").replace("\\\n", " ")):
            included = _INCLUDE.match(line)
            if included:
                yield from self.of_file(Path(file.parent / included[1]), seen)
            elif _LOCAL.match(line) or not line.startswith("-"):
                # pip resolves `.` in its working folder, which is the project's.
                yield from self._resolved([line], folder, PurePosixPath(folder).parent.as_posix())

    def of_runners(self, folder: str) -> Iterator[str]:
        """The requirements for tests in tox, nox, Hatch, PDM, uv, CI; for a member, also the shared ones."""
        place = self.checkout / folder
        pyproject = read_pyproject(place)
        for line in (*of_test_runners(place, pyproject), *of_nox(place), *of_ci(place)):
            included = _INCLUDE.match(line)
            yield from self.of_file(place / included[1]) if included else self._resolved([line], folder)
        if folder:
            top = read_pyproject(self.checkout)
            for name in TEST_NAMES:
                yield from self._resolved(_group(table(top, "dependency-groups"), name), "")
                yield from self._resolved(
                    _strings(table(top, "project", "optional-dependencies").get(name)), ""
                )
            yield from self._resolved(of_poetry(top, TEST_NAMES), "")
            yield from self.of_runners("")
        elif not self.root and not _is_project(pyproject, place):
            yield from (line for one in self.others for line in self.of_project(one.folder, TEST_NAMES))

    def _resolved(
        self, lines: Iterator[str] | Sequence[str], *folders: str, strict: bool = False
    ) -> Iterator[str]:
        """The lines for an index; the repository's own projects are replaced by their requirements.

        Other lines are left out, because requirement files contain much that tests do not need. With `strict`
        they are kept, and the build later refuses the project because of that line.
        """
        for line in lines:
            local = _LOCAL.match(line)
            if local or " @ file:" in line:
                place = (
                    (local["edited"] or local["place"])
                    if local
                    else line.partition(" @ file:")[2].split(";")[0]
                )
                extras = _split(local["extras"] if local else "")
                found = next(
                    (one for folder in folders if (one := self._folder(folder, place)) is not None), None
                )
                if found is not None:
                    yield from self.of_project(found, extras)
                elif strict:
                    yield line
                continue
            named = _NAMED.match(line)
            own = self.by_name.get(normal_name(named["name"])) if named else None
            if own is not None and named is not None:
                yield from self.of_project(own.folder, _split(named["extras"]))
            elif strict or (named is not None and "://" not in line):
                yield re.sub(r"(?<!\s)\s+--hash[= ]\S+", "", line)

    def _folder(self, folder: str, place: str) -> str | None:
        """The project folder that a path in a requirement refers to."""
        path = (self.checkout / folder / place.removeprefix("file:").removeprefix("//")).resolve()
        return self._places.get(path)

    @cached_property
    def _places(self) -> Mapping[Path, str]:
        return {(self.checkout / one.folder).resolve(): one.folder for one in self.by_name.values()}


def _all_lines(
    reader: _Reader,
) -> tuple[tuple[str, ...], dict[Path, tuple[str, ...]], tuple[str, ...]]:
    """What is declared outside of requirement files, in each of them, and for test runners.

    They are read in this order, because the reader gives each project's requirements once.

    Raises:
        BadInput: files or projects refer to each other too deeply.
    """
    try:
        sure = tuple(reader.of_tests(reader.root))
        files = requirement_files(reader.checkout / reader.root)
        by_file = {file: tuple(reader.of_file(file)) for file in files}
        return sure, by_file, tuple(dict.fromkeys(reader.of_runners(reader.root)))
    except RecursionError:
        raise BadInput("the repository's requirements refer to each other too deeply") from None


def _pyproject(folder: Path) -> Mapping[str, Any]:
    """Like `read_pyproject`, but an unreadable file is an error."""
    content = read_pyproject(folder)
    path = folder / "pyproject.toml"
    if not content and path.is_file() and path.stat().st_size:
        try:
            read_toml(read_text(path))
        except (OSError, Unreadable) as error:
            raise BadInput(f"cannot read the repository's pyproject.toml: {error}") from None
    return content


def _is_project(pyproject: Mapping[str, Any], folder: Path) -> bool:
    content = table(pyproject, "project") or table(pyproject, "tool", "poetry")
    return bool(content) or (folder / "setup.py").is_file() or (folder / "setup.cfg").is_file()


def _is_member(pyproject: Mapping[str, Any], one: Project) -> bool:
    """True if the workspace's table lists the project."""
    tool = table(pyproject, "tool")
    lists = [table(tool, name, "workspace").get("members") for name in ("uv", "hatch", "rye", "pdm")]
    globs = [glob.rstrip("/") for content in lists for glob in _strings(content)]
    return any(fnmatchcase(one.folder, glob) for glob in globs)


def _strings(found: object) -> list[str]:
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def _split(extras: str | None) -> list[str]:
    return [one.strip() for one in (extras or "").split(",") if one.strip()]


def _group(groups: Mapping[str, Any], name: str, seen: set[str] | None = None) -> Iterator[str]:
    """A dependency group with the groups it includes, each once."""
    seen = set() if seen is None else seen
    if name in seen or not isinstance(groups.get(name), list):
        return
    seen.add(name)
    for item in groups[name]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping) and isinstance(item.get("include-group"), str):
            yield from _group(groups, item["include-group"], seen)
