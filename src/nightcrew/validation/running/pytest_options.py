"""Which parts of a repository's own pytest configuration a run keeps, and which it leaves out."""

import re
import shlex
from configparser import ConfigParser
from configparser import Error as ConfigError
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from nightcrew.validation.change.pytest_settings import setting_of
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.metadata import own_plugins
from nightcrew.validation.tables import Table

_TABLE = Table("tests")
_DROPPED_PLUGINS = tuple(_TABLE.texts("plugins")["dropped"])
_KEPT_OPTIONS, _DROPPED_OPTIONS = (_TABLE.pattern("options", key) for key in ("kept", "dropped"))
_NO_WARNING = ("-W", "ignore::pytest.PytestConfigWarning")  # about settings of plugins that are left out
_USUAL_FILES = ("test_*.py", "*_test.py")
_TESTS = re.compile(r"^[ \t]*(?:async\s+)?def test|^class \w*Tests?\b|\bTestCase\b", re.MULTILINE)
_STARTS = {"-s", "--start-directory"}


def default_paths(room: CleanRoom, tree: Path) -> tuple[str, ...]:
    """Test paths that the repository's own test command names; nothing where it names none.

    They are relative to the repository's root, also where the command starts elsewhere.
    """
    command = room.config.command
    words = list(command.words)
    if command.runner == "unittest":
        words += [word.replace(".", "/") for word in command.words]
        words += [f"{word.replace('.', '/')}.py" for word in command.words]
        words += [option[1] for option in command.options if option[0] in _STARTS]
    named = [PurePosixPath(room.root, word.partition("::")[0]).as_posix() for word in words]
    tests = [word.partition("::")[1] + word.partition("::")[2] for word in words]
    there = [path + test for path, test in zip(named, tests, strict=True) if (tree / path).exists()]
    return tuple(dict.fromkeys(there))


def _command_options(room: CleanRoom) -> list[str]:
    """Options of the test command for pytest; of unittest's options only the file pattern has a meaning."""
    command = room.config.command
    if command.runner == "unittest":
        return _file_patterns(room)
    kept = [option for option in command.options if not _DROPPED_OPTIONS.match(option[0])]
    kept = [option for option in kept if option[0] != "-p" or not _is_dropped(option[-1].removeprefix("no:"))]
    return [*_file_patterns(room), *(word for option in kept for word in option)]


def plugin_options(room: CleanRoom) -> list[str]:
    """The options that replace base's own `addopts`, and the plugins that its environment holds."""
    return room.once(_plugin_options)


def _plugin_options(room: CleanRoom) -> list[str]:
    addopts = [
        word
        for option in _options(_setting(room, "addopts"))
        if _KEPT_OPTIONS.match(option[0])
        for word in option
    ]
    names = [*_installed_plugins(room.environment.path), *own_plugins(room.base / room.root)]
    if not _mentions_hypothesis(room):  # the plugin imports all covered code at the end of every session
        names = [name for name in names if name != "hypothesispytest"]
    plugins = [word for name in names for word in ("-p", name)]
    return ["-o", "addopts=", *_NO_WARNING, *addopts, *plugins, *_command_options(room)]


def _mentions_hypothesis(room: CleanRoom) -> bool:
    return any("hypothesis" in text for text in room.patched_tree.python.values())


def _options(text: str) -> list[list[str]]:
    """Options with the words that follow them, without words before the first option."""
    options: list[list[str]] = []
    for word in shlex.split(text):
        if word.startswith("-"):
            options.append([word])
        elif options:
            options[-1].append(word)
    return options


def _installed_plugins(environment: Path) -> list[str]:
    """Names of pytest plugins in an environment, without those that change how tests are counted or
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
    return sorted(name for name in found if not _is_dropped(name))


def _is_dropped(plugin: str) -> bool:
    return plugin.startswith(_DROPPED_PLUGINS)


def _setting(room: CleanRoom, key: str) -> str:
    """A setting of base's own pytest configuration: the project's, else that of the folders above it."""
    root = PurePosixPath(room.root)
    found = (setting_of(room.base / folder, key) for folder in (root, *root.parents))
    return next((one for one in found if one is not None), "")


def _file_patterns(room: CleanRoom) -> list[str]:
    """File patterns for tests where pytest's default finds none, because unittest's default differs."""
    command = room.config.command
    if command.pattern:
        return ["-o", f"python_files={command.pattern}"]
    if _setting(room, "python_files"):
        return []
    names = {PurePosixPath(path).name for path, text in room.base_tree.python.items() if _TESTS.search(text)}
    changed = {PurePosixPath(one.path).name for one in room.changes}
    usual = any(fnmatchcase(name, pattern) for name in names for pattern in _USUAL_FILES)
    if command.runner == "unittest" or not usual or "tests.py" in changed:
        return ["-o", f"python_files={' '.join([*_USUAL_FILES, 'test*.py'])}"]
    return []
