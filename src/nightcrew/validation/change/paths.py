"""What a path means for a verdict: a test, something that decides how tests run, or the product itself."""

import re
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from nightcrew.validation.change.change import Change
from nightcrew.validation.tables import Table

TEST_FOLDERS = {"test", "tests", "testing"}
_TABLE = Table("files")
DECIDING_NAMES = _TABLE.words("deciding", "names")
"""Names of files in the judged tree that can affect the verdict."""
DECIDING_SUFFIXES = tuple(_TABLE.texts("deciding")["suffixes"])
DECIDING_FOLDERS = _TABLE.words("deciding", "folders")
CONFIGURING_NAMES = _TABLE.words("configuring", "names")
CONFIGURING_FOLDERS = _TABLE.words("configuring", "folders")
_DEVELOPERS = _TABLE.words("developers", "folders")
_ASIDE = _TABLE.words("aside", "names")
_NOTES = re.compile(
    r"(?:^|/)(?:\.?changes|changelogs?|changelog\.d|history|_?news|_?newsfragments|releasenotes|release[-_]notes|authors)"
    r"(?:\.\w+)?(?:/.+)?$",
    re.IGNORECASE,
)
_SITE = re.compile(r"^(?:docs?|site)/|(?:^|/)(?:mkdocs|\.readthedocs|readthedocs)\.ya?ml$", re.IGNORECASE)
_REQUIREMENTS = re.compile(r"(requirements|constraints)[\w.-]*\.(txt|in|lock)")


def is_test(path: str) -> bool:
    """True for a file with tests, or one that supports tests: by its name, or by its folder."""
    pure = PurePosixPath(path)
    return is_test_module(path) or bool(TEST_FOLDERS & {part.lower() for part in pure.parts[:-1]})


def is_test_module(path: str) -> bool:
    """True for a Python file in which pytest would look for tests because of its name alone."""
    name = PurePosixPath(path).name
    return name.endswith(".py") and (
        name.startswith("test_") or name[:-3].endswith("_test") or name == "tests.py"
    )


def decides(path: str) -> bool:
    """True for a file that decides how tests are found, run, or counted."""
    name = PurePosixPath(path).name.lower()
    return (
        name in DECIDING_NAMES | {".git", "hooks"}
        or name.endswith(DECIDING_SUFFIXES)
        or any(
            part in DECIDING_FOLDERS or part.endswith((".dist-info", ".egg-info")) for part in _folders(path)
        )
    )


def is_configuration(path: str) -> bool:
    """True for a file that configures a repository's tools and cannot affect a verdict."""
    name = PurePosixPath(path).name.lower()
    listed = name in CONFIGURING_NAMES or bool(_REQUIREMENTS.fullmatch(name))
    return listed or any(part in CONFIGURING_FOLDERS for part in _folders(path))


def _folders(path: str) -> list[str]:
    return [part.lower() for part in PurePosixPath(path).parts[:-1]]


def is_documentation(path: str) -> bool:
    """True for documents in the repository."""
    pure = PurePosixPath(path)
    return pure.suffix.lower() in {".md", ".rst", ".txt", ".adoc"} or pure.name.upper() in {
        "README",
        "CHANGELOG",
    }


def is_release_note(path: str) -> bool:
    """True for release notes for users, in any format."""
    return _NOTES.search(path) is not None


def is_of_site(path: str) -> bool:
    """True for the other files of a documentation site: its settings, its styles."""
    return _SITE.search(path) is not None


def is_prose(change: Change) -> bool:
    """True for a file that no program of the repository reads: a document, release notes in any format, the
    settings of an editor or of a linter of style."""
    text = change.after or ""
    if PurePosixPath(change.path).name.lower() in _ASIDE:
        return True
    is_code = change.path.endswith((".py", ".sh")) or change.executable or text.startswith("#!")
    words = (is_documentation, is_release_note, is_of_site)
    return not is_code and any(holds(change.path) for holds in words)


def matches(path: str, globs: tuple[str, ...]) -> bool:
    """True where one of the globs matches: `src/**`, `docs/*.md`, `tests/` (the folder), or an exact path."""
    return any(_fits(path, glob) for glob in globs)


def _fits(path: str, glob: str) -> bool:
    if glob.endswith("/"):
        return path.startswith(glob)
    if glob.endswith("/**"):
        return path.startswith(glob[:-2]) or path == glob[:-3]
    return fnmatchcase(path, glob.replace("**/", "*")) or fnmatchcase(path, glob)


def module_name(path: str) -> str:
    """The dotted name a Python file has when its source root is on the path: `src/pkg/a.py` is `pkg.a`."""
    parts = list(PurePosixPath(path).with_suffix("").parts) if path else []
    if parts and parts[0] in {"src", "lib"}:
        parts = parts[1:]
    if parts and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


def is_for_developers(base: Path, path: str) -> bool:
    """True for a Python file among base's development helpers, outside of any package."""
    first, *rest = PurePosixPath(path).parts
    aside = bool(rest) and first in _DEVELOPERS and path.endswith(".py") and (base / first).is_dir()
    return aside and not (base / first / "__init__.py").is_file()
