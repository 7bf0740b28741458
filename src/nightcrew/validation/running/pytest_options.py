"""How a repository's own configuration of pytest is kept, and what of it is left out."""

import re
import shlex
import tomllib
from collections.abc import Sequence
from configparser import ConfigParser
from configparser import Error as ConfigError
from itertools import pairwise
from pathlib import Path

from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.metadata import own_plugins

_DROPPED_PLUGINS = {
    "xdist", "xdist.looponfail", "randomly", "pytest_randomly", "random_order", "rerunfailures", "pytest_cov",
    "cov", "sugar", "html", "metadata", "json-report", "pytest_jsonreport", "repeat", "timeout",
    "flakefinder",
    "benchmark", "codspeed", "pytest-codspeed", "instafail", "picked", "testmon", "reportlog", "clarity",
}  # fmt: skip
_KEPT_OPTIONS = re.compile(
    r"--(import-mode|doctest|strict|asyncio-mode|ignore|deselect|pyargs|noconftest|run|slow|disable-socket|pspec)"
)


def default_paths(room: CleanRoom, tree: Path) -> tuple[str, ...]:
    """What the repository's own test command names as places of tests; nothing where it names none."""
    words = shlex.split(room.config.test)
    paths = [
        word for word in words[_after_runner(words) :] if not word.startswith("-") and (tree / word).exists()
    ]
    if "unittest" in words:
        dotted = [word.replace(".", "/") for word in words[_after_runner(words) :]]
        paths += [f"{word}.py" for word in dotted if (tree / f"{word}.py").is_file()]
        paths += [word for word in dotted if "/" in word and (tree / word).is_dir()]
    return tuple(dict.fromkeys(paths))


def _after_runner(words: Sequence[str]) -> int:
    """Where the runner's own arguments begin: behind pytest or unittest, or `python` that is given a file."""
    for index, word in enumerate(words):
        if word in {"pytest", "py.test", "unittest"}:
            return index + 1
    is_python = bool(words) and Path(words[0]).name.startswith("python") and "-m" not in words
    return 1 if is_python else len(words)


def _names_of_tests(room: CleanRoom) -> list[str]:
    """unittest looks for `test*.py` unless told otherwise; pytest for what the repository's settings say."""
    words = shlex.split(room.config.test)
    if "unittest" not in words:
        return []
    told = [after for word, after in pairwise(words) if word in {"-p", "--pattern"}]
    return ["-o", f"python_files={told[0] if told else 'test*.py'}"]


def plugin_options(room: CleanRoom) -> list[str]:
    """The options that replace base's own `addopts`, and the plugins that its environment holds."""
    if "plugin_options" not in room.memory:
        room.memory["plugin_options"] = _plugin_options(room)
    return list(room.memory["plugin_options"])


def _plugin_options(room: CleanRoom) -> list[str]:
    addopts = [
        word for option in _options(_addopts(room.base)) if _KEPT_OPTIONS.match(option[0]) for word in option
    ]
    names = [*_installed_plugins(room.environment.path), *own_plugins(room.base)]
    if not _mentions_hypothesis(room):  # its plugin imports all of it at the end of every session
        names = [name for name in names if name != "hypothesispytest"]
    plugins = [word for name in names for word in ("-p", name)]
    return ["-o", "addopts=", *addopts, *plugins, *_names_of_tests(room)]


def _mentions_hypothesis(room: CleanRoom) -> bool:
    files = (path for path in sorted(room.patched.rglob("*.py")) if path.is_file())
    return any(b"hypothesis" in path.read_bytes() for path in files)


def _options(text: str) -> list[list[str]]:
    """Options with the words that follow them; words before the first option are left out."""
    options: list[list[str]] = []
    for word in shlex.split(text):
        if word.startswith("-"):
            options.append([word])
        elif options:
            options[-1].append(word)
    return options


def _installed_plugins(environment: Path) -> list[str]:
    """Names of pytest plugins in an environment, but for those that change how tests are counted or
    ordered."""
    found: set[str] = set()
    for file in sorted(environment.glob("lib/python*/site-packages/*.dist-info/entry_points.txt")):
        parser = ConfigParser(delimiters=("=",), strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        try:
            parser.read_string(file.read_text())
        except (ConfigError, OSError, UnicodeDecodeError):
            continue
        if parser.has_section("pytest11"):
            found |= {name for name, _ in parser.items("pytest11")}
    return sorted(name for name in found if not any(name.startswith(one) for one in _DROPPED_PLUGINS))


def _addopts(tree: Path) -> str:
    """Base's own pytest options, from the first file that pytest would take its configuration from."""
    for name in ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"):
        parser = ConfigParser(interpolation=None, strict=False)
        if name in {"tox.ini", "setup.cfg"} and (tree / "pyproject.toml").is_file():
            found = _pyproject_addopts(tree)
            if found is not None:
                return found
        try:
            parser.read_string((tree / name).read_text())
        except (ConfigError, OSError, UnicodeDecodeError):
            continue
        section = "tool:pytest" if name == "setup.cfg" else "pytest"
        if parser.has_section(section) or name.endswith("pytest.ini"):
            return parser.get(section, "addopts", fallback="")
    return _pyproject_addopts(tree) or ""


def _pyproject_addopts(tree: Path) -> str | None:
    try:
        tool = tomllib.loads((tree / "pyproject.toml").read_text()).get("tool", {})
        options = tool["pytest"]["ini_options"].get("addopts", "")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, AttributeError):
        return None
    return shlex.join(map(str, options)) if isinstance(options, list) else str(options)
