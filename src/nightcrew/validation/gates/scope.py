"""Scope: only what the task may touch, in a size a person could review, with no secret in it."""

import re
import sys
from pathlib import Path

from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change, changed_indices
from nightcrew.validation.change.paths import is_documentation, is_release_note, matches
from nightcrew.validation.change.secrets import find_secrets
from nightcrew.validation.change.settings_files import Role, role_of
from nightcrew.validation.gate import Gate, answered, counted, failed, passed
from nightcrew.validation.reading.constants import texts_in
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "scope"
MAX_LINES = 8_000
MAX_CHARACTERS = 400_000
_KEY = "private key"
_READ_BY_PROGRAMS = {".py", ".pyi", ".toml", ".cfg", ".ini", ".json", ".yml", ".yaml", ".sh"}
_HEADER_LINES, _HEADER_FILES = 25, 200
_LICENCE = re.compile(
    r"^#.*(SPDX-License-Identifier|copyright|licen[cs]ed? under)", re.IGNORECASE | re.MULTILINE
)


class Scope(Gate):
    """Checks which files change, how many lines, and that no file holds what is never allowed."""

    name = NAME

    def run(self, room: CleanRoom) -> GateResult:
        """Reports the first reason to refuse; else passes."""
        paths = [change.path for change in room.changes]
        for change in room.changes:
            reason = refusal(room, change)
            if reason:
                hint = f"Leave {change.path} as it is. {ALLOWED[room.task.task_type]}"
                return failed(NAME, reason, hint, evidence={"path": change.path, "paths": paths})
        lines, characters = _size(room.changes)
        if lines > MAX_LINES or characters > MAX_CHARACTERS:
            size = f"{counted(lines, 'line')}, {characters:,} characters"
            message = f"The change is too large to be reviewed: {size} added."
            return failed(NAME, message, "Make a much smaller change.", evidence={"lines": lines})
        for change in room.changes:
            for finding in _new_secrets(room, change):
                message = f"{change.path}, line {finding[0]}: this looks like a secret ({finding[1]})."
                return failed(
                    NAME,
                    message,
                    "Take the credential out; use a made-up value that does not look like a real one.",
                    evidence={"path": change.path, "line": finding[0], "kind": finding[1]},
                )
        configures = [one for one in room.changes if _configures(room, one)]
        if configures:
            return answered(
                NAME,
                [Finding("it is changed", one.path, severity=Severity.PERSON) for one in configures],
                opening="The change touches configuration, of which no check tells anything",
                question="Is this wanted, and does it do no more than it says?",
            )
        summary = f"{counted(len(paths), 'file')} changed, all allowed, {counted(lines, 'line')} added."
        bare = _without_licence(room)
        if bare:
            summary += f" {bare[0]} has no licence header, as it should."
        return passed(NAME, summary, paths=paths, without_licence=bare)


ALLOWED = {
    TaskType.UNIT_TEST: "A unit_test change adds tests and touches nothing but test files.",
    TaskType.BUG_FIX: "A bug fix changes the product's code and adds tests, not configuration.",
    TaskType.REFACTORING: "A refactoring changes the product's code, and its tests where they follow it.",
    TaskType.DOCUMENTATION: "A documentation change touches docstrings, comments and documents only.",
    TaskType.CODE_GENERATION: "New code and its tests, not configuration.",
    TaskType.ANALYSIS: "An analysis adds its report (JSON, or Markdown with a JSON block), no more.",
    TaskType.BUILD_SCRIPT: "A build script changes scripts, not tests and not what decides how they run.",
}


def refusal(room: CleanRoom, change: Change) -> str:
    """Why the change may not touch this file; empty: it may."""
    path, task, config = change.path, room.task, room.config
    if matches(path, config.protect):
        return f"{path} is protected by the repository's configuration."
    # An exact path outranks every rule below: the repository's owner has named this very file.
    if path in config.allow:
        return ""
    if config.allow and not matches(path, config.allow):
        return f"{path} is outside of what the repository allows to be changed."
    # A `conftest.py` or `tox.ini` could switch off the tests by which the change is judged.
    if role_of(change) is Role.DECIDES and not _is_its_script(room, path):
        return f"{path} decides how tests are found, run or counted; it is not part of this task."
    if change.is_new and path.endswith(".py"):
        # A new `json.py` beside the tests would be imported in place of the real one.
        shadowed = _shadowed(room, path)
        if shadowed:
            return f"{path} would take the place of the module {shadowed!r}."
    # A `.md` or `.txt` in a package may be a template; its change is one of behaviour.
    if task.task_type is TaskType.DOCUMENTATION and room.is_data(path):
        return f"{path} lies inside a package: it is data that code may read, not a document."
    return _type_refusal(room, change)


def _configures(room: CleanRoom, change: Change) -> bool:
    allowed = change.path in room.config.allow or _is_its_script(room, change.path)
    return not allowed and role_of(change) is Role.CONFIGURES


def _has_licence(text: str | None) -> bool:
    """True where a comment at the top names a licence or the owner of the text."""
    top = "\n".join((text or "").split("\n")[:_HEADER_LINES])
    return bool(_LICENCE.search(top))


def _without_licence(room: CleanRoom) -> list[str]:
    """New files without a licence header, where every other file has one."""
    new = [one for one in room.changes if one.is_new and one.path.endswith(".py") and one.after]
    if not new or all(_has_licence(one.after) for one in new):
        return []
    # Short files such as an empty `__init__.py` have no header anywhere, and tell nothing of the custom.
    texts = [text for text in room.base_tree.python.values() if len(text) > 200][:_HEADER_FILES]
    held = [*map(_has_licence, texts)]
    return [one.path for one in new if not _has_licence(one.after)] if len(held) > 2 and all(held) else []


def _is_its_script(room: CleanRoom, path: str) -> bool:
    return room.task.task_type is TaskType.BUILD_SCRIPT and path == room.task.target_file


def _type_refusal(room: CleanRoom, change: Change) -> str:
    path, task, kind = change.path, room.task, room.task.task_type
    if kind is TaskType.UNIT_TEST and not (room.is_test(path) or _is_note(change)):
        return f"{path} is not a test file, and the task is to write tests."
    if kind is TaskType.UNIT_TEST and path == task.target_file:
        return f"{path} is the file to be tested."
    if kind is TaskType.BUILD_SCRIPT and room.is_test(path):
        return f"{path} is a test, and tests are not part of a {kind} task."
    is_text = path.endswith(".py") or is_documentation(path) or _is_note(change)
    if kind is TaskType.DOCUMENTATION and not is_text:
        return f"{path} is neither a document nor a Python file."
    if kind is TaskType.DOCUMENTATION and room.is_test(path) and path != task.target_file:
        return f"{path} is a test file, not documentation."
    if kind is TaskType.ANALYSIS and not (
        path == task.target_file or (change.is_new and path.endswith((".json", ".md")))
    ):
        return f"{path} is not a report."
    return ""


def _is_note(change: Change) -> bool:
    """True for a release note, which many projects require with every change."""
    is_read = Path(change.path).suffix.lower() in _READ_BY_PROGRAMS
    return is_release_note(change.path) and not is_read and change.after is not None


def _shadowed(room: CleanRoom, path: str) -> str:
    """The module that a new Python file would hide, seen from a folder that tests or scripts run from."""
    pure = Path(path)
    name = pure.parent.name if pure.name == "__init__.py" else pure.stem
    # Deeper product files are reached by their package only; pytest puts the folder of each test on the path.
    importable = len(pure.parts) <= 2 or room.is_test(path)
    if not importable or name in {"__main__", "tests", "test", ""}:
        return ""
    # The folder could be imported before, as a namespace package.
    if pure.name == "__init__.py" and (room.base / pure.parent).is_dir():
        return ""
    if name in sys.stdlib_module_names:
        return name
    site = next(iter(sorted(room.environment.path.glob("lib/python*/site-packages"))), None)
    if site is not None and ((site / name / "__init__.py").is_file() or (site / f"{name}.py").is_file()):
        return name
    if room.is_test(path):
        roots = [room.base, room.base / "src"]
        if any((root / name / "__init__.py").is_file() or (root / f"{name}.py").is_file() for root in roots):
            return name
    return ""


def _size(changes: tuple[Change, ...]) -> tuple[int, int]:
    lines = characters = 0
    for change in changes:
        old, new = (change.before or "").split("\n"), (change.after or "").split("\n")
        added = new if change.before is None else _added(old, new)
        lines += len(added)
        characters += sum(map(len, added))
    return lines, characters


def _added(old: list[str], new: list[str]) -> list[str]:
    # A diff is quadratic at worst; of a file this long, lines that base has nowhere are near enough.
    if len(new) > 2000:
        known = set(old)
        return [line for line in new if line not in known]
    return [new[index] for index in changed_indices(old, new)]


def _new_secrets(room: CleanRoom, change: Change) -> list[tuple[int, str]]:
    """Lines with text in the form of a credential, written out or put together by the code.

    Keys in tests of cryptography are exempt: they were made for the tests.
    """
    if change.after is None:
        return []
    of_tests = room.is_test(change.path) and any(
        one.kind == _KEY for one in find_secrets(change.before or "")
    )
    return [one for one in _secrets_in(change, change.after) if not (of_tests and one[1] == _KEY)]


def _secrets_in(change: Change, after: str) -> list[tuple[int, str]]:
    known = set((change.before or "").split("\n"))
    lines = after.split("\n")
    found = [(one.line, one.kind) for one in find_secrets(after) if lines[one.line - 1] not in known]
    tree, old = parse(after), parse(change.before or "")
    # What follows finds a key that is put together from pieces, of which no line looks like one.
    if found or tree is None or old is None or not change.path.endswith(".py"):
        return found
    before = {text for _, text in texts_in(old)}
    return [
        (line, one.kind) for line, text in texts_in(tree) if text not in before for one in find_secrets(text)
    ]
