"""Files that configure a repository, and which of their parts decide a verdict."""

import ast
from collections.abc import Mapping
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import Any

from nightcrew.untrusted import Unreadable, parse_python, read_ini, read_toml
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import decides, is_configuration
from nightcrew.validation.tables import Table

_DECIDING_TABLES = {"pytest", "coverage", "nightcrew"}
_DECIDING_SECTIONS = ("pytest", "tool:pytest", "coverage", "nightcrew")
_TELLING = Table("files").words("settings", "telling")
_DESCRIBING = _TELLING | Table("files").words("settings", "describing")


class Role(Enum):
    """What a change of a file means for the verdict."""

    DECIDES = auto()  # how tests are found, run or counted
    CONFIGURES = auto()  # another setting, which only a person can judge
    HARMLESS = auto()


def role_of(change: Change) -> Role:
    """The role of this change of a file."""
    name = PurePosixPath(change.path).name.lower()
    if name == "pyproject.toml":
        return _by_parts(_toml(change.before), _toml(change.after))
    if name in {"setup.cfg", "tox.ini"}:
        return _by_parts(_ini(change.before), _ini(change.after))
    if (
        name == "setup.py"
        and _bare(change.before) is not None
        and _bare(change.before) == _bare(change.after)
    ):
        return Role.HARMLESS
    if decides(change.path):
        return Role.DECIDES
    return Role.CONFIGURES if is_configuration(change.path) else Role.HARMLESS


# ------------------------------------------------------------------------------------------------------


def _by_parts(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Role:
    if before is None or after is None:
        return Role.DECIDES  # it cannot be read
    parts = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    if any(part.startswith(_DECIDING_SECTIONS) for part in parts):
        return Role.DECIDES
    return Role.HARMLESS if all(part.rpartition("/")[2] in _TELLING for part in parts) else Role.CONFIGURES


def _bare(text: str | None) -> str | None:
    """The tree of a `setup.py` without what only describes the project; None where there is none."""
    try:
        return None if text is None else ast.dump(_Undescribed().visit(parse_python(text)))
    except Unreadable:
        return None


class _Undescribed(ast.NodeTransformer):
    """Removes literal arguments that only describe the project."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.keywords = [
            one for one in node.keywords if not (one.arg in _DESCRIBING and _is_literal(one.value))
        ]
        return node


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _toml(text: str | None) -> dict[str, Any] | None:
    """Every value by its table and key; values that can affect the verdict under their tool's name."""
    try:
        data = read_toml(text or "")
    except Unreadable:
        return None
    tool = data.pop("tool", {})
    if not isinstance(tool, dict):
        return None
    found = {f"{name}/{key}": value for name, key, value in _entries(data)}
    return found | {
        f"{name}/{key}" if name in _DECIDING_TABLES else f"tool.{name}/{key}": value
        for name, key, value in _entries(tool)
    }


def _entries(tables: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    return [
        (name, key, value)
        for name, table in tables.items()
        for key, value in (table.items() if isinstance(table, dict) else [("", table)])
    ]


def _ini(text: str | None) -> dict[str, Any] | None:
    try:
        parser = read_ini(text or "")
    except Unreadable:
        return None
    return {f"{section}/{key}": value for section in parser for key, value in parser[section].items()}
