"""A repository's requirement files: which are for its tests, what they say, and which to try together."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nightcrew.untrusted import Unreadable, read_text

TEST_NAMES = ("test", "tests", "testing", "dev", "develop")
"""Names of extras and dependency groups that count as test requirements."""

TEST_WORDS = {"test", "tests", "testing"}
_APART = re.compile(r"[._-]")
_PYTEST = re.compile(r"pytest\s*(?:$|[\[<>=!~;@])")

_REQUIREMENT_FILES = (
    *("*requirements*.txt", "requirements/*.txt", "test/*requirements*.txt", "tests/*requirements*.txt"),
)
_NOT_FOR_TESTS = ("doc", "build", "release", "benchmark", "lint", "wheel", "update", "deploy", "publish")
_OLD_IMPORT = re.compile(r"^[ \t]*(?:import|from) (?:pkg_resources|distutils|setuptools)\b", re.MULTILINE)
_BOUNDED = re.compile(r"setuptools\b[^;#]*(?:==|<|~=)", re.IGNORECASE)
_WITH_OLD_MODULES = "setuptools<81"  # later ones hold no pkg_resources


def test_names(groups: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the groups of requirements for tests; where none has a usual name, those with pytest."""
    usual = tuple(name for name in TEST_NAMES if name in groups)
    # `dev.test` and `test-extra` are for tests, `dev.lint` is not.
    usual += tuple(one for one in groups if one not in usual and TEST_WORDS & {*_APART.split(one.lower())})
    return usual or tuple(name for name, lines in groups.items() if names_pytest(lines))


def names_pytest(lines: object) -> bool:
    """True for a list of requirements with pytest itself."""
    held = lines if isinstance(lines, list) else ()
    return any(isinstance(line, str) and _PYTEST.match(line) is not None for line in held)


def requirement_files(folder: Path) -> list[Path]:
    """The requirement files of a project that may be for its tests, by name."""
    found = {path for pattern in _REQUIREMENT_FILES for path in folder.glob(pattern)}
    return sorted(path for path in found if not any(word in path.stem.lower() for word in _NOT_FOR_TESTS))


def lines_of(text: str) -> Iterator[str]:
    """The lines of a requirement file, without comments and empty lines."""
    for line in text.splitlines():
        stripped = re.sub(r"(?:^|(?<=\s))#.*$", "", line).strip()
        if stripped:
            yield stripped


def selections(sure: Sequence[str], files: Mapping[Path, Sequence[str]]) -> list[tuple[str, ...]]:
    """`sure` with the lines of all requirement files, then with those of fewer files; each selection once."""

    def with_files(*chosen: Path) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*sure, *(line for file in chosen for line in files[file])]))

    tests = [file for file in files if any(name in file.stem.lower() for name in TEST_NAMES)]
    plain = [file for file in files if file.name == "requirements.txt"]
    # Files with pins for several Python versions contradict each other: the last one is for the newest.
    each = [with_files(*plain, file) for file in reversed(tests)]
    fewer = [with_files(*plain, *tests), with_files(*tests), *each, with_files(*plain), with_files()]
    return list(dict.fromkeys([with_files(*files), *fewer]))


def with_old_modules(lines: tuple[str, ...], checkout: Path) -> tuple[str, ...]:
    """The lines, with a setuptools that has the modules that code needs, where no line bounds it above."""
    bounded = any(_BOUNDED.match(line) for line in lines)
    return lines if bounded or not _has_old_imports(checkout) else (*lines, _WITH_OLD_MODULES)


# ---------------------------------------------------------------------------------------------------------


def _has_old_imports(checkout: Path) -> bool:
    """True where code imports what every environment held when it was written, as setuptools was in it."""
    for path in checkout.rglob("*.py"):
        try:
            text = "" if path.name == "setup.py" else read_text(path)
        except (OSError, Unreadable):
            continue
        if _OLD_IMPORT.search(text):
            return True
    return False
