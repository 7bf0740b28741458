"""Which tests of base a change can reach. All others end with the change as they do on base.

A test is reached where it runs a function whose body the change edits, reads a changed file, or starts a
program, in which no line is seen. A change to anything but such functions, documents and files of tests
reaches every test. Which tests may read a changed document is known without a run, from their words.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_prose, is_test_module
from nightcrew.validation.reading.docstrings import entries, has_same_code
from nightcrew.validation.reading.form import bodies
from nightcrew.validation.reading.names import is_text
from nightcrew.validation.reading.suite import read, tree_text, walk
from nightcrew.validation.rig.protocol import PROGRAM
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.pytest_options import default_paths, plugin_options
from nightcrew.validation.running.run_results import Covered, Run, SessionResult

_READS_DOCS = re.compile(r"__doc__|\b(?:getdoc|docopt|doctest|pydoc|help)\b")
_LISTS = re.compile(
    r"\b(?:r?glob|iglob|iterdir|listdir|scandir|getsource\w*|linecache|sybil)\b|\.walk\(|\bpytest_collect"
)
_TOOLS = re.compile(r"(?:^|/)(?:setup|noxfile|tasks|fabfile|conf)\.py$")  # no test imports them
_DOCTESTS = re.compile(r"doctest|sybil|markdown", re.IGNORECASE)  # options and plugins that run examples
_COLLECTING = re.compile(r"doctest.glob|doctest.?plus|sybil|markdown", re.IGNORECASE)  # also of documents
_WORD = re.compile(r"\w+")
_PLAIN = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign,
    ast.AnnAssign, ast.TypeAlias, ast.If, ast.Try, ast.Pass,
)  # fmt: skip


def reached(room: CleanRoom, base: SessionResult, changes: Iterable[Change]) -> frozenset[str] | None:
    """The nodeids; None where the changes may reach every test."""
    contacts = base.run("all").contacts
    if contacts is None or not base.run("all").done:
        return None
    # The lines of another program are not seen, so a test that starts one may run any of the code.
    found = set(contacts.get(PROGRAM, ()))
    for change in changes:
        some = _reached_by(room, base, change)
        if some is None:
            return None
        found |= some
    # The empty name stands for what ran outside of tests, which every test may depend on.
    return None if "" in found else frozenset(found)


def readers(room: CleanRoom) -> tuple[str, ...] | None:
    """The test files that may read what a change of words edits; None where any test may, or where the change
    edits more than words.

    A test may read a file where it says the file's name, its ending or a folder's name, or lists folders.
    Code that tests use may where it says the name, or lists files with this ending.
    """
    paths = [PurePosixPath(one.path) for one in room.changes]
    collecting = _DOCTESTS if any(one.suffix == ".py" for one in paths) else _COLLECTING
    # A plugin that collects documents makes tests of them, whose words no Python file holds.
    collected = any(map(collecting.search, plugin_options(room))) or default_paths(room, room.base)
    if collected or not all(_is_of_words(room, one) for one in room.changes):
        return None
    texts = room.base_tree.python.items()
    found = [path for path, text in texts if not _TOOLS.search(path) and _may_read(path, text, paths)]
    # A helper that reads the file may serve any test, so then all of them have to run.
    return tuple(found) if all(map(is_test_module, found)) else None


def with_base(
    room: CleanRoom, result: SessionResult, base: SessionResult, left: Iterable[str]
) -> SessionResult:
    """The result with the change as if the tests that were `left` out had run: they end as on base, and run
    the same lines, which may have moved."""
    run, before = result.run("all"), base.run("all")
    # Nothing is filled in where the run itself failed: the failure is what counts.
    if result.problem or not run.done:
        return result
    there = {item.nodeid for item in result.collected}
    known = {name: before.tests[name] for name in left if name in there and name in before.tests}
    tests = {item.nodeid: run.tests.get(item.nodeid) or known.get(item.nodeid) for item in result.collected}
    whole = replace(
        run,
        tests={name: test for name, test in tests.items() if test is not None},
        coverage={path: _joined(room, path, one, before, known) for path, one in run.coverage.items()},
        network=(*run.network, *before.network),
    )
    return replace(result, runs={**result.runs, "all": whole})


# ---------------------------------------------------------------------------------------------------------


def _reached_by(room: CleanRoom, base: SessionResult, change: Change) -> set[str] | None:
    path, run = change.path, base.run("all")
    own = {name for name in run.tests if name.split("::")[0] == path}
    used = {name for place in _places(room, change) for name in (run.contacts or {}).get(place, ())}
    if room.is_test(path):
        # `conftest.py` and imported test files act on the tests of other files too.
        alone = is_test_module(path) and not _is_used_elsewhere(room, path) and _only_defines(change)
        return own | used - {""} if alone else None
    if not path.endswith(".py"):
        return own | used if is_prose(change) and not room.is_data(path) else None
    lines = _edited_lines(change)
    # Lines that an import or a shared fixture runs belong to no single test.
    if lines is None or lines & (run.shared.get(path, frozenset()) | _imported(room, base, path)):
        return None
    if _docs(change.before) != _docs(change.after) and _may_read_docs(room, change):
        return None
    by_test = run.coverage[path].by_test if path in run.coverage else {}
    return own | {name for name, ran in by_test.items() if ran & lines} | used - {""}


def _may_read(path: str, text: str, changed: list[PurePosixPath]) -> bool:
    """True where the text of a Python file shows that it may read one of the changed files."""
    endings = {one.suffix for one in changed} - {"", ".py"}
    folders = {part for one in changed if one.suffix != ".py" for part in one.parent.parts}
    has_ending, lists = any(map(text.__contains__, endings)), _LISTS.search(text) is not None
    if any(one.name in text for one in changed) or (has_ending and lists):
        return True
    return is_test_module(path) and (has_ending or lists or not folders.isdisjoint(_WORD.findall(text)))


def _is_of_words(room: CleanRoom, change: Change) -> bool:
    """True for an edited document, and for a file of Python of which no code reads the edited docstrings."""
    if room.is_test(change.path):
        return False
    if change.path.endswith(".py"):
        if change.before is None or change.after is None:
            return False
        same = has_same_code(change.before, change.after)
        return same and (_docs(change.before) == _docs(change.after) or not _may_read_docs(room, change))
    return is_prose(change) and not room.is_data(change.path)


def _places(room: CleanRoom, change: Change) -> Iterator[str]:
    """The changed file, and the folder of base in whose list it or a new folder for it is new, or gone."""
    yield change.path
    if change.before is None or change.after is None:
        there = (one for one in PurePosixPath(change.path).parents if (room.base / one).is_dir())
        yield f"{next(there).as_posix()}/".removeprefix("./") or "/"


def _imported(room: CleanRoom, base: SessionResult, path: str) -> frozenset[int]:
    """Lines of the file that ran before the tests."""
    return base.imported_lines if path == room.task.target_file else base.imported.get(path, frozenset())


def _edited_lines(change: Change) -> set[int] | None:
    """Lines of base's functions whose bodies are edited; None where more than bodies differs."""
    found = bodies(change.before, change.after)
    if found is None:
        return None
    edited = [one.old for one in found if one.is_edited]
    # Where nothing of a body does anything, the line of its `def` counts, which every import runs.
    first = [one.body[0].lineno if one.body else one.lineno for one in edited]
    ends = [one.end_lineno or one.lineno for one in edited]
    return {line for start, end in zip(first, ends, strict=True) for line in range(start, end + 1)}


def _is_used_elsewhere(room: CleanRoom, path: str) -> bool:
    """True where other files import the module: they may use its tests."""
    stem = re.escape(PurePosixPath(path).stem)
    name = re.compile(rf"^[ \t]*(?:from|import)\b[^\n]*\b{stem}\b", re.MULTILINE)
    return any(name.search(text) for other, text in room.base_tree.python.items() if other != path)


def _only_defines(change: Change) -> bool:
    """True where the import of the changed file does nothing new for other files."""
    known = {tree_text(one) for one in read(change.before).body}
    return all(
        (isinstance(one, _PLAIN) and all(map(_is_name, getattr(one, "targets", ())))) or is_text(one)
        for one in read(change.after).body
        if tree_text(one) not in known
    )


def _is_name(target: ast.expr) -> bool:
    return isinstance(target, ast.Name | ast.Tuple)


def _docs(text: str | None) -> dict[str, str | None]:
    return {name: one.docstring for name, one in entries(read(text)).items()}


def _may_read_docs(room: CleanRoom, change: Change) -> bool:
    """True where code may read the file's docstrings: by itself, or through a library that it uses."""
    own = {part for path in room.base_tree.python for part in PurePosixPath(path).with_suffix("").parts}
    nodes = [one for one in walk(read(change.after)) if isinstance(one, ast.Import | ast.ImportFrom)]
    names = {alias.name for one in nodes if isinstance(one, ast.Import) for alias in one.names}
    names |= {one.module or "" for one in nodes if isinstance(one, ast.ImportFrom) and not one.level}
    # A library such as click or pydantic may show docstrings, and its code is not read here.
    others = {name.split(".")[0] for name in names} - own - sys.stdlib_module_names
    return bool(others) or any(map(_READS_DOCS.search, room.base_tree.python.values()))


def _joined(room: CleanRoom, path: str, covered: Covered, before: Run, known: Iterable[str]) -> Covered:
    """The file's lines that ran, with those that the tests left out run on base."""
    old = before.coverage.get(path, Covered())
    change = room.change(path)
    moved = None if change is None else _moved(change)
    kept = {
        name: old.by_test[name]
        if moved is None
        else frozenset(moved[at] for at in old.by_test[name] if at in moved)
        for name in known
        if name in old.by_test
    }
    arcs = (
        old.arcs
        if moved is None
        else {(moved[a], moved[b]) for a, b in old.arcs if a in moved and b in moved}
    )
    lines = covered.lines.union(*kept.values())
    return Covered(lines, covered.arcs | arcs, {**covered.by_test, **kept})


def _moved(change: Change) -> Mapping[int, int]:
    """New lines by the old ones, in functions that stay as they are."""
    return {
        old.lineno: new.lineno
        for one in bodies(change.before, change.after) or ()
        if not one.is_edited
        for old, new in zip(walk(one.old), walk(one.new), strict=True)
        if hasattr(old, "lineno") and hasattr(new, "lineno")
    }
