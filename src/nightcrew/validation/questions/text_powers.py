"""What files other than Python can do: shell, containers, workflows, manifests, documents, JavaScript.

Files are read line by line. Some lines are always a power; others only where the file did nothing of that
kind before.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from nightcrew.validation.questions.powers import PLACES, Power, Use
from nightcrew.validation.tables import Table

type Patterns = dict[str, Power]

_TABLE = Table("text_powers")
_INSTALLS, _USES, _HOOKS = (_TABLE.pattern("one", key) for key in ("installs", "uses", "hooks"))
_WORKFLOWS, _MANIFESTS = (_TABLE.words("files", key) for key in ("workflows", "manifests"))
_SUFFIXES = {key: frozenset(names) for key, names in _TABLE.texts("suffixes").items()}
_OPTIONS = _TABLE.words("one", "options")
_MOST_CHARACTERS = 4000  # of a line that are read
_PINNED = re.compile(r"[0-9a-f]{40}")


def text_powers(path: str, before: str, after: str, known_words: str = "") -> Iterator[Use]:
    """Powers of the new lines of one file; `known_words` are the names that the project already installs."""
    always, newly = _patterns(path)
    had = {power for pattern, power in newly.items() if re.search(pattern, before, re.MULTILINE)}
    newly = {pattern: power for pattern, power in newly.items() if power not in had}
    old, quotes = set(before.split("\n")), PurePosixPath(path).suffix.lower() in _SUFFIXES["documents"]
    for number, line in enumerate(after.split("\n"), 1):
        if line in old or len(line) > _MOST_CHARACTERS:
            continue
        shown = _QUOTED.sub("``", line) if quotes else line
        found = [*_matching(always, line, before, shown), *_matching(newly, line, "", line)]
        found += [
            (Power.INSTALL, f"installs {one}") for one in _installed(line) if not _knows(known_words, one)
        ]
        found += _of_workflow(line, before) if is_workflow(path) else []
        if is_manifest(path) and (hook := _HOOKS.search(line)):
            found.append((Power.INSTALL, f"what runs when it is built or installed ({hook[0].strip()})"))
        yield from (Use(power, what, number) for power, what in found)


def is_workflow(path: str) -> bool:
    """True for files that define what CI runs."""
    folders = (".github/", ".circleci/", ".buildkite/")
    return path.startswith(folders) or PurePosixPath(path).name in _WORKFLOWS


def is_manifest(path: str) -> bool:
    """True for files that define how a project is built and installed."""
    return PurePosixPath(path).name in _MANIFESTS


# ------------------------------------------------------------------------------------------------------


def _section(name: str) -> Patterns:
    return {text: Power[key] for key, texts in _TABLE.texts(name).items() for text in texts}


_ALWAYS = _section("always") | {PLACES.pattern: Power.CREDENTIALS}
_NEWLY, _WORKFLOW, _JAVASCRIPT, _NATIVE = map(_section, ("newly", "workflow", "javascript", "native"))
_MARKUP = _section("prose")
_IN_PROSE: Patterns = _MARKUP | {
    key: one for key, one in _ALWAYS.items() if one not in {Power.WRITE, Power.CREDENTIALS}
}
_QUOTED = re.compile(r"``[^`]+``|`[^`]+`")
"""Shown as it is in a document: no markup of the page."""


def _patterns(path: str) -> tuple[Patterns, Patterns]:
    """The patterns for a file of that name: those that always count, and those that must be new to count."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _SUFFIXES["javascript"]:
        return {}, _JAVASCRIPT
    if suffix in _SUFFIXES["native"]:
        return {}, _NATIVE
    if suffix in _SUFFIXES["prose"]:
        return _IN_PROSE, {}
    return (_ALWAYS | _WORKFLOW if is_workflow(path) else _ALWAYS), _NEWLY


def _matching(patterns: Patterns, line: str, before: str, markup: str) -> Iterator[tuple[Power, str]]:
    """Powers of a line, and of its `markup`, without the words that were in the file before."""
    for pattern, power in patterns.items():
        found = re.search(pattern, markup if pattern in _MARKUP else line)
        if found and not (before and found[0] in before):
            yield power, found[0].strip()[:80]


def _knows(words: str, package: str) -> bool:
    name = re.sub(r"[-_.]+", "[-_.]?", re.escape(package).replace("\\", ""))
    return re.search(rf"(?<![\w-]){name}(?![\w-])", words, re.IGNORECASE) is not None


def _of_workflow(line: str, before: str) -> list[tuple[Power, str]]:
    """An action of an owner that is new to the file, referred to by a tag that can be moved."""
    action = _USES.search(line)
    known = {match[1].split("/")[0] for match in _USES.finditer(before)} | {"actions"}
    if action is None or action[1].split("/")[0] in known or _PINNED.fullmatch(action[2]):
        return []
    name = action[0].split(":", 1)[1].strip()
    return [(Power.CI, f"the action {name}, which is not pinned to a commit")]


def _installed(line: str) -> Iterator[str]:
    """Packages that a line installs, without options, versions and the project itself."""
    for match in _INSTALLS.finditer(line):
        words = (match[1] or match[2] or "").split()
        for index, word in enumerate(words):
            name = re.match(r"^[\"'`]?(@?[A-Za-z][\w./-]*)", word)
            of_option = index > 0 and words[index - 1] in _OPTIONS
            is_path = word.startswith(("-", ".", "$", "/")) or (name and "/" in name[1].lstrip("@"))
            if name and not of_option and not is_path:
                yield name[1]
