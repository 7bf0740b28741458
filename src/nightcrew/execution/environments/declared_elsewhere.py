"""Requirements that stand where older and other tools keep them: setup.py, Poetry, uv and PDM, Hatch, tox.

Read as text, nothing of it is run; what is not written down literally is not found.
"""

import ast
import configparser
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def setup_arguments(checkout: Path) -> Mapping[str, object]:
    """What setup.py gives to `setup`, where it is a literal or a module's name for one."""
    path = checkout / "setup.py"
    try:
        tree = ast.parse(path.read_text() if path.is_file() else "")
    except (OSError, SyntaxError, ValueError, RecursionError):
        return {}
    names = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and "setup" in {
            getattr(call.func, "attr", ""),
            getattr(call.func, "id", ""),
        }:
            return {word.arg: _literal(word.value, names) for word in call.keywords if word.arg}
    return {}


def of_setup_py(checkout: Path, extras: Iterable[str]) -> Iterator[str]:
    """What setup.py asks for."""
    told = setup_arguments(checkout)
    yield from _lines(told.get("install_requires"))
    yield from _lines(told.get("tests_require"))
    more = told.get("extras_require")
    for name in extras:
        yield from _lines(more.get(name) if isinstance(more, dict) else None)


def of_poetry(pyproject: Mapping[str, Any], groups: Iterable[str]) -> Iterator[str]:
    """Poetry's own tables, as requirements: the project's and those of the groups."""
    poetry = _at(pyproject, "tool", "poetry")
    tables = [_at(poetry, "dependencies"), _at(poetry, "dev-dependencies")]
    tables += [_at(poetry, "group", name, "dependencies") for name in groups]
    for table in tables:
        for name, wanted in table.items():
            several = wanted if isinstance(wanted, list) else [wanted]
            for one in several if name.lower() != "python" else ():
                line = _of_poetry(name, one)
                if line:
                    yield line


def of_test_runners(checkout: Path, pyproject: Mapping[str, Any]) -> Iterator[str]:
    """What uv, PDM, Hatch and tox install before they run the tests."""
    yield from _lines(_at(pyproject, "tool", "uv").get("dev-dependencies"))
    for lines in _at(pyproject, "tool", "pdm", "dev-dependencies").values():
        yield from _lines(lines)
    for name in ("default", "test", "tests", "hatch-test"):
        environment = _at(pyproject, "tool", "hatch", "envs", name)
        yield from _lines(environment.get("dependencies"))
        yield from _lines(environment.get("extra-dependencies"))
    yield from _lines(_at(pyproject, "tool", "tox", "env_run_base").get("deps"))
    yield from _of_tox(checkout / "tox.ini")


# ---------------------------------------------------------------------------------------------------------


def _at(table: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        found = table.get(name)
        table = found if isinstance(found, Mapping) else {}
    return table


def _lines(found: object) -> list[str]:
    """Requirements from a list or a text; options, folders and what has to be filled in are left out."""
    several = (
        found.splitlines() if isinstance(found, str) else found if isinstance(found, list | tuple) else ()
    )
    lines = (re.sub(r"(^|\s+)#.*$", "", one).strip() for one in several if isinstance(one, str))
    return [
        line
        for line in lines
        if re.match(r"[A-Za-z0-9]", line) and "{" not in line and " @ file:" not in line
    ]


def _literal(node: ast.expr, names: Mapping[str, ast.expr]) -> object:
    try:
        return ast.literal_eval(names.get(node.id, node) if isinstance(node, ast.Name) else node)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        pass
    if isinstance(node, ast.Dict):
        keys = [_literal(key, names) if key is not None else None for key in node.keys]
        return {
            key: _literal(one, names)
            for key, one in zip(keys, node.values, strict=True)
            if isinstance(key, str)
        }
    return None


def _of_poetry(name: str, wanted: object) -> str:
    """One entry of a Poetry table; empty for a folder, a repository, or what is optional."""
    if isinstance(wanted, Mapping):
        if wanted.get("optional") or not isinstance(wanted.get("version"), str):
            return ""
        extras = ",".join(_lines(wanted.get("extras")))
        marker = wanted.get("markers")
        line = f"{name}[{extras}]" if extras else name
        line += _specifier(wanted["version"])
        return f"{line}; {marker}" if isinstance(marker, str) else line
    return f"{name}{_specifier(wanted)}" if isinstance(wanted, str) else ""


def _specifier(version: str) -> str:
    """Poetry's `^1.2`, `~1.2`, `1.*` and `*` as a version specifier; alternatives (`||`) mean any."""
    parts: list[str] = []
    for one in re.split(r"\s*,\s*", version.strip()) if "|" not in version else ():
        numbers = _NUMBERS.search(one)
        if numbers is None:
            continue
        if one[0] not in "^~" or one.startswith("~="):
            parts.append(one if one[0] in "<>=!~" else f"=={one}")
            continue
        kept = [int(number) for number in numbers[0].split(".")]
        first = next((index for index, number in enumerate(kept) if number), len(kept) - 1)
        last = first if one[0] == "^" else min(1, len(kept) - 1)
        above = ".".join(str(number) for number in [*kept[:last], kept[last] + 1])
        parts.append(f">={one[1:].strip()},<{above}")
    return ",".join(parts)


def _of_tox(path: Path) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(path.read_text() if path.is_file() else "")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return
    lines = parser.get("testenv", "deps", fallback="").splitlines()
    # `py312: name` is for one environment of several: which one runs the tests is not known.
    yield from _lines([line for line in lines if not re.match(r"\s*[\w,!{}-]+:\s", line)])
