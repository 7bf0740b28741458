"""Parses a repository's test command, or refuses it.

Its variables, folder and options for pytest are used. A command that needs a shell, another runner or a build
tool is refused, because parts of it would be ignored silently.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_RUNNERS = {"pytest", "py.test", "unittest"}
_WRAPPERS = {"uv": "run", "poetry": "run", "pdm": "run", "pipenv": "run", "rye": "run", "hatch": "run"}
_PYTHON = re.compile(r"python(?:\d(?:\.\d+)?)?")
_WITH_VALUE = {
    *("-k", "-m", "-p", "-o", "-c", "-W", "-n", "-r", "--rootdir", "--ignore", "--ignore-glob", "--deselect"),
    *("--import-mode", "--durations", "--tb", "--maxfail", "--confcutdir", "--basetemp", "--junitxml"),
    *("--cov-report", "--cov-config", "--cov-fail-under", "--dist", "--numprocesses", "--timeout"),
    *("--override-ini", "--color"),
    *("--log-level", "--doctest-glob", "--capture", "--verbosity", "--pattern", "--start-directory"),
}  # fmt: skip
KNOWN = (
    "`python -m pytest ...`, `pytest ...` or `python -m unittest ...`, "
    "with variables and `cd FOLDER &&` before it"
)


@dataclass(frozen=True, slots=True)
class TestCommand:
    """The parsed command: `folder` is relative to the root (empty: the root); `options` include values."""

    __test__ = False
    runner: str = "pytest"
    variables: dict[str, str] = field(default_factory=dict)
    folder: str = ""
    options: tuple[tuple[str, ...], ...] = ()
    words: tuple[str, ...] = ()  # its targets: files, folders, modules, test ids

    @property
    def pattern(self) -> str:
        """The file pattern of unittest; empty for pytest, which has its own settings."""
        if self.runner != "unittest":
            return ""
        patterns = [
            option[1] for option in self.options if option[0] in {"-p", "--pattern"} and len(option) > 1
        ]
        return patterns[0] if patterns else "test*.py"


def read_test_command(text: str) -> TestCommand:
    """The parts of a test command.

    Raises:
        ValueError: it is not supported; the message names the supported commands.
    """
    variables: dict[str, str] = {}
    folder = PurePosixPath()
    *before, last = _segments(text)
    for words in before:
        rest = _without_variables(words, variables)
        if rest[:1] == ["export"]:
            rest = _without_variables(rest[1:], variables)
        if rest[:1] == ["cd"] and len(rest) == 2:
            folder = _inside(folder, rest[1], text)
        elif rest:
            raise ValueError(f"`{text}` does more than run tests ({shlex.join(rest)}): give {KNOWN}")
    runner, arguments = _runner(_without_variables(last, variables), text)
    if runner == "unittest":
        arguments = [word for word in arguments if word != "discover"]
    options, named = _options(arguments)
    shown = "" if folder == PurePosixPath() else folder.as_posix()
    return TestCommand(runner, variables, shown, options, named)


# ---------------------------------------------------------------------------------------------------------


def _segments(text: str) -> list[list[str]]:
    """The commands between `&&`; other shell syntax is refused."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="&|;<>()")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        tokens = list(lexer)
    except ValueError as error:
        raise ValueError(f"`{text}` cannot be read: {error}") from None
    segments: list[list[str]] = [[]]
    for token in tokens:
        if token == "&&":  # noqa: S105
            segments.append([])
        elif set(token) <= set("&|;<>()") or "$(" in token or "`" in token:
            raise ValueError(f"`{text}` needs a shell ({token}): give {KNOWN}")
        else:
            segments[-1].append(token)
    if not all(segments):
        raise ValueError(f"`{text}` has no command: give {KNOWN}")
    return segments


def _without_variables(words: list[str], variables: dict[str, str]) -> list[str]:
    rest = words[1:] if words[:1] == ["env"] else list(words)
    while rest and (found := _VARIABLE.fullmatch(rest[0])):
        variables[found[1]] = found[2]
        rest = rest[1:]
    return rest


def _inside(folder: PurePosixPath, name: str, text: str) -> PurePosixPath:
    place = folder / name
    if place.is_absolute() or ".." in place.parts:
        raise ValueError(f"`{text}` leaves the repository: `cd` needs a folder inside it")
    return place


def _runner(words: list[str], text: str) -> tuple[str, list[str]]:
    """The runner and its arguments, without a prefix that selects an environment, because ours is used."""
    rest = list(words)
    if len(rest) > 1 and _WRAPPERS.get(rest[0]) == rest[1]:
        rest = rest[2:]
        while rest and rest[0].startswith("-"):
            rest = rest[2:] if rest[0] in {"--extra", "--group", "--with", "--python", "-p"} else rest[1:]
    if rest and _PYTHON.fullmatch(PurePosixPath(rest[0]).name):
        rest = rest[1:]
        while rest and rest[0].startswith("-") and rest[0] not in {"-m"}:
            rest = rest[2:] if rest[0] in {"-W", "-X"} else rest[1:]
        if rest[:1] != ["-m"]:
            if rest and rest[0].endswith(".py") and "manage.py" not in rest[0]:
                return "pytest", rest
            raise ValueError(f"`{text}` runs no supported test runner: give {KNOWN}")
        rest = rest[1:]
    if rest[:1] == ["coverage"] and "-m" in rest:
        rest = rest[rest.index("-m") + 1 :]
    if rest and rest[0] in _RUNNERS:
        return rest[0].replace(".", ""), rest[1:]
    raise ValueError(f"`{text}` runs no supported test runner: give {KNOWN}")


def _options(arguments: Sequence[str]) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """The options with their values, and the other arguments."""
    options: list[tuple[str, ...]] = []
    words: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return tuple(options), (*words, *waiting)
        if not word.startswith("-"):
            words.append(word)
        elif (word in _WITH_VALUE or word == "-s") and waiting:
            options.append((word, waiting.pop(0)))
        else:
            options.append((word,))
    return tuple(options), tuple(words)
