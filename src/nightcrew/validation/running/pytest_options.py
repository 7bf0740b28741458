"""Which parts of a repository's own pytest configuration a run keeps, and which it leaves out."""

import re
import shlex
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from nightcrew.untrusted import Unreadable, read_ini, text_of
from nightcrew.validation.change.pytest_settings import setting_of
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.metadata import own_plugins
from nightcrew.validation.tables import Table

_TABLE = Table("tests")
_DROPPED_PLUGINS = tuple(_TABLE.texts("plugins")["dropped"])
_THEIR_MARKS = _TABLE.pattern("plugins", "marks")
_KEPT_OPTIONS, _DROPPED_OPTIONS = (_TABLE.pattern("options", key) for key in ("kept", "dropped"))
_WITHOUT_PLUGINS = (
    "-o", "required_plugins=", "-o", "strict_config=false", "-W", "ignore::pytest.PytestConfigWarning",
)  # fmt: skip
"""A repository may demand the plugins that are left out, and have settings for them."""
_ANY_MARK = ("-o", "strict_markers=false", "-W", "ignore::pytest.PytestUnknownMarkWarning")
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
    # Words of a command that are no files are values of options.
    there = [path + test for path, test in zip(named, tests, strict=True) if (tree / path).exists()]
    return tuple(dict.fromkeys(there))


def installed_plugins(environment: Path) -> list[str]:
    """Names of the pytest plugins in an environment, whose files are not ours."""
    found: set[str] = set()
    for file in sorted(environment.glob("lib/python*/site-packages/*.dist-info/entry_points.txt")):
        with suppress(Unreadable):
            parser = read_ini(text_of(file), keeps_case=True, delimiters=("=",))
            found |= set(parser["pytest11"]) if parser.has_section("pytest11") else set()
    return sorted(found)


def _command_options(room: CleanRoom) -> list[tuple[str, ...]]:
    """Options of the test command for pytest; of unittest's options only the file pattern has a meaning."""
    command = room.config.command
    if command.runner == "unittest":
        return []
    kept = [option for option in command.options if not _DROPPED_OPTIONS.match(option[0])]
    return [option for option in kept if option[0] != "-p" or not _is_dropped(option[-1].removeprefix("no:"))]


def plugin_options(room: CleanRoom) -> list[str]:
    """The options that replace base's own `addopts`, and the plugins that its environment holds."""
    return room.once(_plugin_options)


def _plugin_options(room: CleanRoom) -> list[str]:
    kept = [option for option in _options(_setting(room, "addopts")) if _KEPT_OPTIONS.match(option[0])]
    words = [word for option in (*kept, *_command_options(room)) for word in option]
    texts = room.patched_tree.python.values()
    # The marks of plugins that are left out would make the suite stop as unknown ones.
    if any(map(_THEIR_MARKS.search, texts)):
        words = [word for word in words if word != "--strict-markers"] + [*_ANY_MARK]
    # Plugins are named one by one: autoloading would also load those that count or order tests in their way.
    installed = installed_plugins(room.environment.path)
    left_out = {name for name in installed if _is_dropped(name)}
    if not any(
        "hypothesis" in text for text in texts
    ):  # the plugin imports all covered code at the end of every session
        left_out.add("hypothesispytest")
    names = (
        [f"no:{name}" for name in sorted(left_out)]
        if loads_plugins_itself(room)
        else [name for name in installed if name not in left_out]
    )
    plugins = [word for name in names for word in ("-p", name)]
    return ["-o", "addopts=", *_WITHOUT_PLUGINS, *plugins, *_file_patterns(room), *words]


def loads_plugins_itself(room: CleanRoom) -> bool:
    """True for a project that is a plugin of pytest: the sessions that its tests start must find it too."""
    return bool(own_plugins(room.base / room.root))


def _options(text: str) -> list[list[str]]:
    """Options with the words that follow them, without words before the first option."""
    options: list[list[str]] = []
    for word in shlex.split(text):
        if word.startswith("-"):
            options.append([word])
        elif options:
            options[-1].append(word)
    return options


def _is_dropped(plugin: str) -> bool:
    """True for a plugin that changes how tests are counted or ordered."""
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
    # unittest finds `test*.py`, of which pytest by itself only takes `test_*.py`.
    usual = any(fnmatchcase(name, pattern) for name in names for pattern in _USUAL_FILES)
    if command.runner == "unittest" or not usual or "tests.py" in changed:
        return ["-o", f"python_files={' '.join([*_USUAL_FILES, 'test*.py'])}"]
    return []
