"""The project's own distribution metadata, as if it were installed: many packages ask for it on import.

Read from declarations on base; nothing of the project is built or run.
"""

import configparser
import re
import tomllib
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from nightcrew.execution.sandbox import Mount

INSIDE = "/opt/nightcrew/project"


def project_metadata(base: Path, folder: Path) -> tuple[Mount, ...]:
    """A mount with the project's dist-info at `INSIDE`, made in `folder`; none where no name is declared."""
    project = _project(base)
    name, version = _name_and_version(base, project)
    if not name:
        return ()
    normal = re.sub(r"[-_.]+", "_", name).lower()
    place = folder / f"{normal}-{version}.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = {"console_scripts": project.get("scripts"), **_table(project, "entry-points")}
    lines = [
        line
        for group, entries in groups.items()
        if isinstance(entries, dict)
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (place / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return (Mount(folder, INSIDE),)


def _project(base: Path) -> dict[str, Any]:
    try:
        return _table(tomllib.loads((base / "pyproject.toml").read_text()), "project")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _table(of: dict[str, Any], name: str) -> dict[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _name_and_version(base: Path, project: dict[str, Any]) -> tuple[str, str]:
    """From pyproject.toml, PKG-INFO or setup.cfg; a version nobody wrote down is 0.0.0."""
    name, version = str(project.get("name", "")), str(project.get("version", ""))
    info = base / "PKG-INFO"
    if info.is_file() and not info.is_symlink():
        told = HeaderParser().parsestr(info.read_text(errors="replace"))
        name, version = name or str(told["Name"] or ""), version or str(told["Version"] or "")
    if not name:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string((base / "setup.cfg").read_text())
        except (OSError, UnicodeDecodeError, configparser.Error):
            return "", ""
        name = parser.get("metadata", "name", fallback="")
        version = version or parser.get("metadata", "version", fallback="")
    valid = re.fullmatch(r"[\w.+!-]+", version)
    return (name if re.fullmatch(r"[\w.-]+", name) else ""), (version if valid else "0.0.0")
