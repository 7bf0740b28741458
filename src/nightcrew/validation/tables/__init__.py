"""Words and patterns that the gates use: data (`*.toml` in this folder), read when a gate is imported."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


class Table:
    """One file of sections, with entries that are texts, lists of texts, or words between blanks.

    Each entry of a section `pieces` stands where other entries write its name as `<name>`.
    """

    def __init__(self, name: str) -> None:
        self.sections: dict[str, dict[str, Any]] = _read(name)

    def texts(self, section: str) -> dict[str, list[str]]:
        """Every entry of a section as a list of texts; words between blanks are split."""
        return {key: _listed(value) for key, value in self.sections[section].items()}

    def words(self, section: str, key: str) -> frozenset[str]:
        """One entry as a set of texts."""
        return frozenset(_listed(self.sections[section][key]))

    def pattern(self, section: str, key: str, flags: int = 0) -> re.Pattern[str]:
        """One entry as a pattern; a list contains its alternatives."""
        held = self.sections[section][key]
        return re.compile(held if isinstance(held, str) else "|".join(held), flags)


# ------------------------------------------------------------------------------------------------------


@cache
def _read(name: str) -> dict[str, dict[str, Any]]:
    text = files(__name__).joinpath(f"{name}.toml").read_text("utf-8")
    for key, piece in tomllib.loads(text).get("pieces", {}).items():
        text = text.replace(f"<{key}>", piece)
    return tomllib.loads(text)


def _listed(value: str | list[str]) -> list[str]:
    return value.split() if isinstance(value, str) else value
