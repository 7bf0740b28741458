"""A repository's own settings of pytest, from the file that pytest would take."""

import shlex
from pathlib import Path

from nightcrew.untrusted import Unreadable, read_ini, read_text, read_toml


def setting_of(tree: Path, key: str) -> str | None:
    """The setting in the first file that pytest would take its configuration from; None without one."""
    for name in ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"):
        if name in {"tox.ini", "setup.cfg"} and (tree / "pyproject.toml").is_file():
            found = _in_pyproject(tree, key)
            if found is not None:
                return found
        try:
            parser = read_ini(read_text(tree / name))
        except (OSError, Unreadable):
            continue
        section = "tool:pytest" if name == "setup.cfg" else "pytest"
        if parser.has_section(section) or name.endswith("pytest.ini"):
            return parser.get(section, key, fallback="")
    return _in_pyproject(tree, key)


# ---------------------------------------------------------------------------------------------------------


def _in_pyproject(tree: Path, key: str) -> str | None:
    try:
        settings = read_toml(read_text(tree / "pyproject.toml")).get("tool", {})["pytest"]
        value = settings.get("ini_options", settings).get(key, "")
    except (OSError, Unreadable, KeyError, AttributeError):
        return None
    return shlex.join(map(str, value)) if isinstance(value, list) else str(value)
