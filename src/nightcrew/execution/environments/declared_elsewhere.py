"""Reads requirements from the files of other tools: setup.py, Poetry, uv, PDM, Hatch, tox, nox, CI.

The files are parsed, not run, so only literal values are found.
"""

import ast
import configparser
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from nightcrew.execution.environments.requirement_files import names_pytest
from nightcrew.execution.environments.setup_script import setup_arguments
from nightcrew.untrusted import Unreadable, files_in, parse_python, read_ini, read_text

_CONTINUED = re.compile(r"\\[ \t]*\n[ \t]*")
_FACTORS = re.compile(r"\s*([\w.,!{}-]+):\s+(.*)")
_ABOVE = re.compile(r"[<~]|==")
_PIP_INSTALL = re.compile(r"\bpip3? install ([^\n;&|]*)")
_TEST_TOOLS = ("pytest", "hypothes", "nose")
_TOOLS = {"pip", "setuptools", "wheel", "build", "twine", "tox", "nox", "codecov", "coveralls"}
_HATCH = ("default", "test", "tests", "hatch-test")
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def of_setup_py(folder: Path, extras: Sequence[str]) -> Iterator[str]:
    """The requirements in setup.py: the project's own, or those of some extras."""
    declared = setup_arguments(folder)
    more = declared.get("extras_require")
    yield from _lines(declared.get("install_requires")) if not extras else ()
    for name in extras:
        yield from _lines(more.get(name) if isinstance(more, dict) else None)


def extras_of_setup(folder: Path) -> dict[str, list[str]]:
    """The extras that setup.py and setup.cfg declare, by name."""
    more, parser = setup_arguments(folder).get("extras_require"), _read_ini(folder / "setup.cfg")
    names = (
        [*parser.options("options.extras_require")] if parser.has_section("options.extras_require") else []
    )
    found = {name: _lines(lines) for name, lines in more.items()} if isinstance(more, dict) else {}
    return found | {name: [*of_setup_cfg(folder, [name])] for name in names}


def of_tests_require(folder: Path) -> list[str]:
    """The requirements in the old `tests_require` of setup.py."""
    return _lines(setup_arguments(folder).get("tests_require"))


def of_setup_cfg(folder: Path, extras: Sequence[str]) -> Iterator[str]:
    """The requirements in setup.cfg: the project's own, or those of some extras."""
    parser = _read_ini(folder / "setup.cfg")
    yield from _lines(parser.get("options", "install_requires", fallback="")) if not extras else ()
    for name in extras:
        yield from _lines(parser.get("options.extras_require", name, fallback=""))


def of_poetry(pyproject: Mapping[str, Any], groups: Sequence[str]) -> Iterator[str]:
    """The requirements in Poetry's tables: the project's own, or those of some groups."""
    poetry = _at(pyproject, "tool", "poetry")
    # The project's own and a group's requirements are separate questions, because a build may need only one.
    tables = [] if groups else [_at(poetry, "dependencies")]
    tables += [_at(poetry, "dev-dependencies")] if groups else []
    tables += [_at(poetry, "group", name, "dependencies") for name in groups]
    for table in tables:
        for name, wanted in table.items():
            several = wanted if isinstance(wanted, list) else [wanted]
            for item in several if name.lower() != "python" else ():
                line = _of_poetry(name, item)
                if line:
                    yield line


def of_flit(pyproject: Mapping[str, Any], extras: Sequence[str]) -> Iterator[str]:
    """The requirements in Flit's old tables: the project's own, or those of some extras."""
    metadata = _at(pyproject, "tool", "flit", "metadata")
    yield from _lines(metadata.get("requires")) if not extras else ()
    for name in extras:
        yield from _lines(_at(metadata, "requires-extra").get(name))


def of_test_runners(folder: Path, pyproject: Mapping[str, Any]) -> Iterator[str]:
    """What uv, PDM, Hatch and tox install for the tests, including `-r FILE` and `.[extra]`."""
    yield from _lines(_at(pyproject, "tool", "uv").get("dev-dependencies"))
    for lines in _at(pyproject, "tool", "pdm", "dev-dependencies").values():
        yield from _lines(lines)
    for name, environment in _at(pyproject, "tool", "hatch", "envs").items():
        held = environment if isinstance(environment, Mapping) else {}
        # Other environments are for documentation, types or release, and would only make conflicts likelier.
        if name not in _HATCH and not names_pytest(held.get("dependencies")):
            continue
        yield from _lines(held.get("dependencies"))
        yield from _lines(held.get("extra-dependencies"))
        yield from _of_extras(held.get("features"))
    for name in ("env_run_base", "env"):
        environment = _at(pyproject, "tool", "tox", name)
        yield from _lines(environment.get("deps"), local=True)
        yield from _of_extras(environment.get("extras"))
    # tox reads either place, and prefers pyproject.toml.
    inner = _at(pyproject, "tool", "tox").get("legacy_tox_ini")
    yield from _of_tox(_read_text_ini(inner) if isinstance(inner, str) else _read_ini(folder / "tox.ini"))


def of_nox(folder: Path) -> Iterator[str]:
    """What the test sessions of noxfile.py install, as far as it is literal."""
    try:
        tree = parse_python(read_text(folder / "noxfile.py"))
    except (OSError, Unreadable):
        return
    sessions = [
        # Sessions may have any name; those for docs and lint are the ones without `test` in it.
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and "test" in node.name.lower()
    ]
    for call in (item for node in sessions for item in ast.walk(node)):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "install":
            words = [
                item.value
                for item in call.args
                if isinstance(item, ast.Constant) and isinstance(item.value, str)
            ]
            yield from _lines(_with_options(words), local=True)


def of_ci(folder: Path) -> Iterator[str]:
    """What CI installs in one command with a test runner, where the command bounds no version."""
    for file in files_in(folder, ".travis.yml", ".github/workflows/*.y*ml"):
        text = ""
        with suppress(OSError, Unreadable):
            text = _CONTINUED.sub(" ", read_text(file))
        for command in _PIP_INSTALL.findall(text):
            words: list[str] = []
            with suppress(ValueError):  # quotes that do not match
                # A bound in CI usually belongs to one job of a matrix, and would contradict another one.
                words = [word for word in shlex.split(command, comments=True) if not _ABOVE.search(word)]
            if any(word.startswith(_TEST_TOOLS) for word in words):
                yield from _lines(_with_options([word for word in words if word not in _TOOLS]), local=True)


# ---------------------------------------------------------------------------------------------------------


def _at(table: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        found = table.get(name)
        table = found if isinstance(found, Mapping) else {}
    return table


def _read_ini(path: Path) -> configparser.ConfigParser:
    try:
        return _read_text_ini(read_text(path))
    except (OSError, Unreadable):
        return _read_text_ini("")


def _read_text_ini(text: str) -> configparser.ConfigParser:
    try:
        return read_ini(text)
    except Unreadable:
        return configparser.ConfigParser(interpolation=None)


def _of_extras(declared: object) -> list[str]:
    """The project's own extras, as a requirement."""
    names = [item for item in declared if isinstance(item, str)] if isinstance(declared, list) else []
    return [f".[{','.join(names)}]"] if names else []


def _with_options(words: Sequence[str]) -> list[str]:
    """`-r` and `-e` with their argument; other options are left out."""
    found: list[str] = []
    for before, word in pairwise(["", *words]):
        if before in {"-r", "-e", "--requirement", "--editable"}:
            found.append(f"{before} {word}")
        elif not word.startswith("-"):
            found.append(word)
    return found


def _lines(found: object, *, local: bool = False) -> list[str]:
    """Requirements from a list or a text, without options and placeholders.

    `local` keeps references to other files and to folders of the repository.
    """
    if isinstance(found, str):
        found = _CONTINUED.sub(" ", found).splitlines()
    several = found if isinstance(found, list | tuple) else ()
    lines = (re.sub(r"(?:^|(?<!\s)\s+)#.*", "", item).strip() for item in several if isinstance(item, str))
    # Other options, such as an index address, must not reach the installer: they could name any host.
    start = r"[A-Za-z0-9.]|-r|-e" if local else r"[A-Za-z0-9]"
    return [
        line.replace("{toxinidir}/", "")
        for line in lines
        if re.match(start, line) and "{" not in line.replace("{toxinidir}/", "")
    ]


def _of_poetry(name: str, wanted: object) -> str:
    """One entry of a Poetry table; empty for folders, repositories and optional entries."""
    if isinstance(wanted, Mapping):
        extras = ",".join(_lines(wanted.get("extras")))
        if isinstance(wanted.get("path"), str) and not wanted.get("optional"):
            return (
                f"{name}[{extras}] @ file:{wanted['path']}" if extras else f"{name} @ file:{wanted['path']}"
            )
        if wanted.get("optional") or not isinstance(wanted.get("version"), str):
            return ""
        marker = wanted.get("markers")
        line = f"{name}[{extras}]" if extras else name
        line += _specifier(wanted["version"])
        return f"{line}; {marker}" if isinstance(marker, str) else line
    return f"{name}{_specifier(wanted)}" if isinstance(wanted, str) else ""


def _specifier(version: str) -> str:
    """Poetry's `^1.2`, `~1.2`, `1.*` and `*` as a version specifier; alternatives (`||`) mean any."""
    parts: list[str] = []
    for item in map(str.strip, version.split(",")) if "|" not in version else ():
        numbers = _NUMBERS.search(item)
        if numbers is None:
            continue
        if item[0] not in "^~" or item.startswith("~="):
            parts.append(item if item[0] in "<>=!~" else f"=={item}")
            continue
        # `^` allows what does not change the first number that is not 0, `~` what changes the last given one.
        kept = [int(number) for number in numbers[0].split(".")]
        first = next((index for index, number in enumerate(kept) if number), len(kept) - 1)
        last = first if item[0] == "^" else min(1, len(kept) - 1)
        above = ".".join(str(number) for number in [*kept[:last], kept[last] + 1])
        parts.append(f">={item[1:].strip()},<{above}")
    return ",".join(parts)


def _of_tox(parser: configparser.ConfigParser) -> Iterator[str]:
    lines = map(_of_factors, parser.get("testenv", "deps", fallback="").splitlines())
    yield from _lines(list(lines), local=True)
    declared = parser.get("testenv", "extras", fallback="")
    yield from _of_extras([item for item in re.split(r"[\s,]+", declared) if re.fullmatch(r"[\w.-]+", item)])


def _of_factors(line: str) -> str:
    """A line of tox's deps without its factors. It is unknown which environment runs the tests, so that a
    line for older Pythons alone, or one that chooses among versions (`django22: Django<2.3`), is empty."""
    found = _FACTORS.match(line)
    if found is None:
        return line
    old_only = "py2" in found[1] and "3" not in found[1] and "!" not in found[1]
    return "" if old_only or _ABOVE.search(found[2].partition(";")[0]) else found[2]
