"""The project's own distribution metadata, as if it were installed: many packages read it on import.

It is read from declarations; no code of the project is built or run.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from nightcrew.execution.environments.layout import read_pyproject, read_setup_cfg, table
from nightcrew.execution.environments.setup_script import setup_arguments
from nightcrew.execution.sandbox import Mount
from nightcrew.secrets.files import let_sandboxes_read
from nightcrew.untrusted import Unreadable, read_ini, text_of

INSIDE = "/opt/nightcrew/project"
PROGRAMS = f"{INSIDE}/bin"
_OBJECT = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_][\w.]*)")


def project_metadata(base: Path, folder: Path, *, released: Path | None = None) -> tuple[Mount, ...]:
    """A mount at `INSIDE` of the project's dist-info and its programs at `PROGRAMS`, written into `folder`;
    none without a project name. The version is that of the tree `released`, without one that of base."""
    project = _project(base)
    name, version = _name_and_version(base, project)
    if released is not None:
        _, version = _name_and_version(released, _project(released))
    if not name:
        return ()
    normal = re.sub(r"[-_.]+", "_", name).lower()
    place = folder / f"{normal}-{version}.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = _entry_points(base, project)
    lines = [
        line
        for group, entries in points.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (place / "entry_points.txt").write_text("\n".join(lines) + "\n")
    programs = folder / "bin"
    programs.mkdir()
    for name, points_to in points.get("console_scripts", {}).items():
        _write_program(programs, name.strip(), str(points_to))
    let_sandboxes_read(folder, place, *place.iterdir(), programs, *programs.iterdir())
    return (Mount(folder, INSIDE),)


def own_plugins(base: Path) -> tuple[str, ...]:
    """Names of pytest plugins that the project declares; its tests need them as if it were installed."""
    return tuple(sorted(name.strip() for name in _entry_points(base, _project(base)).get("pytest11", {})))


def _project(base: Path) -> Mapping[str, Any]:
    """The project's table in pyproject.toml, or Poetry's where there is no other."""
    declarations = read_pyproject(base)
    poetry = table(declarations, "tool", "poetry")
    return table(declarations, "project") or {**poetry, "entry-points": poetry.get("plugins")}


def _entry_points(base: Path, project: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Entry points by group, from pyproject.toml, setup.cfg and setup.py."""
    groups: dict[str, dict[str, Any]] = {}
    declared = setup_arguments(base).get("entry_points")
    if isinstance(declared, str):
        with suppress(Unreadable):
            declared = dict(read_ini(declared, delimiters=("=",)))
    cfg = read_setup_cfg(base)
    if cfg.has_section("options.entry_points"):
        declared = {**(declared if isinstance(declared, dict) else {}), **cfg["options.entry_points"]}
    for group, entries in declared.items() if isinstance(declared, dict) else ():
        if isinstance(entries, Mapping):
            groups[group] = dict(entries)
            continue
        lines = entries if isinstance(entries, list) else str(entries).splitlines()
        groups[group] = dict(line.split("=", 1) for line in map(str, lines) if "=" in line)
    of_project = {**table(project, "entry-points"), "console_scripts": project.get("scripts")}
    return groups | {name: entries for name, entries in of_project.items() if isinstance(entries, dict)}


def _write_program(folder: Path, name: str, points_to: str) -> None:
    """The program that an installer would write for an entry point."""
    found = _OBJECT.fullmatch("".join(points_to.partition("[")[0].split()))
    if found is None or not re.fullmatch(r"\w[\w.+-]*", name):
        return
    first = found[2].split(".")[0]
    program = folder / name
    program.write_text(
        f"#!/usr/bin/env python\nimport sys\nfrom {found[1]} import {first}\n\n"
        f'if __name__ == "__main__":\n    sys.exit({found[2]}())\n'
    )
    program.chmod(0o755)


def _name_and_version(base: Path, project: Mapping[str, Any]) -> tuple[str, str]:
    """From pyproject.toml, PKG-INFO, setup.cfg or setup.py; an undeclared version is 0.0.0."""
    name, version = str(project.get("name", "")), str(project.get("version", ""))
    if info := text_of(base / "PKG-INFO"):
        headers = HeaderParser().parsestr(info)
        name, version = name or str(headers["Name"] or ""), version or str(headers["Version"] or "")
    parser = read_setup_cfg(base)
    described = dict(parser.items("metadata")) if parser.has_section("metadata") else {}
    for other in (described, setup_arguments(base)):
        name = name or str(other.get("name") or "")
        version = version or str(other.get("version") or "")
    valid = re.fullmatch(r"[\w.+!-]+", version)
    return (name if re.fullmatch(r"[\w.-]+", name) else ""), (version if valid else "0.0.0")
